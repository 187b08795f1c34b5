// Rows of policies: what is done with exchanges beside routing them, of a service and of a route (base/policies.fbs).
#include <fmt/format.h>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using settings::HeaderEditsT;
using settings::PoliciesT;

std::string variables_prose(Moment moment) {
  std::string text =
      "What stands as \"${variable}\" in a value is put there for each message; \"$${\" is \"${\" itself. A value that "
      "comes out empty is not sent. Variables:";
  for (const VariableWord& word : variable_words(moment)) text += fmt::format(" {} ({}),", word.word, word.meaning);
  text.back() = '.';
  return text;
}

const char* const kHowHeadersAreMerged =
    " A route's are done beside its service's: a name that the route sets or removes is no more set by the service, the "
    "others stay. Names of framing and of the connection (Host, Content-Length, Transfer-Encoding, Connection, Date and "
    "their like) cannot be changed; for Host there is \"rewrite\".";

Section header_section(const char* noun, Moment moment, const char* example) {
  return section_of<HeaderEditsT>(
      noun, "",
      {
          value("set", &HeaderEditsT::set, header_line(moment),
                {.prose = "Headers in place of all there are of their names.",
                 .example = fmt::format("set = [{}];", example),
                 .count_max = 64,
                 .unset = "none"}),
          value("add", &HeaderEditsT::add, header_line(moment),
                {.prose = "Headers beside what there are of their names.", .count_max = 64, .unset = "none"}),
          value("if_absent", &HeaderEditsT::if_absent, header_line(moment),
                {.prose = "Headers where there are none of their names.", .count_max = 64, .unset = "none"}),
          value("remove", &HeaderEditsT::remove, header_name(),
                {.prose = "Names of headers that do not go on.", .count_max = 64, .unset = "none"}),
      });
}

const Section& request_headers() {
  static const Section section =
      header_section("request_headers", Moment::kRequest, "\"X-Client-Port: ${client_port}\"");
  return section;
}

const Section& response_headers() {
  static const Section section = header_section(
      "response_headers", Moment::kResponse, "\"Strict-Transport-Security: max-age=31536000; includeSubDomains\"");
  return section;
}

}  // namespace

const std::vector<Row>& policy_rows() {
  static const std::vector<Row> rows = {
      group("request_headers", &PoliciesT::request_headers, request_headers(),
            {.prose = "What is changed of a request's headers before a backend sees them. Whoever sends a header "
                      "whose name passes for one that is set here by other punctuation, as X_User does for X-User, does "
                      "not get it through.",
             .details = variables_prose(Moment::kRequest) + kHowHeadersAreMerged, .only = for_http()}),
      group("response_headers", &PoliciesT::response_headers, response_headers(),
            {.prose = "What is changed of a response's headers before the client sees them: of backends, caches and "
                      "files, and of what cardea-l7 answers itself.",
             .details = variables_prose(Moment::kResponse) + kHowHeadersAreMerged, .only = for_http()}),
  };
  return rows;
}

}  // namespace cardea::conf
