#include <nlohmann/json.hpp>

#include "conf/findings_text.h"

namespace cardea::conf {

std::string findings_json(const Findings& findings) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"level", name(finding.level)},
                    {"file", finding.place.file},
                    {"line", finding.place.line},
                    {"path", finding.place.path},
                    {"message", finding.message},
                    {"expected", finding.expected},
                    {"nearest", finding.nearest},
                    {"text", line_of(finding)}});
  }
  const Json whole = {{"findings", list},
                      {"errors", count(findings, Finding::error)},
                      {"warnings", count(findings, Finding::warning)},
                      {"hints", count(findings, Finding::hint)}};
  // A document may hold bytes that are not UTF-8; JSON may not.
  return whole.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cardea::conf
