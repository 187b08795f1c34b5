// The two readers of the firewall's protocol, on any bytes: nothing but what lies within them is read, and what is read and
// written again is the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "l7/waf/caps.h"
#include "l7/waf/message.h"

using namespace cardea;
using namespace cardea::l7;

namespace {

bool within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_question(std::string_view bytes) {
  const auto read = waf::read_question(bytes);
  if (!read) return;
  for (const std::string_view text : {read->client, read->server, read->method, read->uri, read->version, read->body})
    CHECK(within(text, bytes));
  for (const waf::Pair& pair : read->headers) CHECK(within(pair.name, bytes) && within(pair.value, bytes));
  const std::string terms = waf::write(read->terms);
  std::string again(waf::size_of(*read, terms), '\0');
  CHECK(waf::write(again, *read, terms, read->body.size()).size() == again.size(), "its size is another");
  again.append(read->body);
  const auto second = waf::read_question(std::string_view(again).substr(waf::kHeadBytes));
  CHECK(second && second->uri == read->uri && second->body == read->body && second->headers.size() == read->headers.size());
}

void check_verdict(std::string_view bytes) {
  const auto read = waf::read_verdict(bytes);
  if (!read) return;
  CHECK(waf::write(*read).substr(waf::kHeadBytes) == bytes, "there is one way to write it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (waf::read_head(text, waf::kQuestionMax)) check_question(text.substr(waf::kHeadBytes));
  check_question(text);
  check_verdict(text);
  for (const char* type : {"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/xml", ""}) {
    waf::Arguments all;
    waf::count_body(all, text, type);
    CHECK(all.longest <= size && all.count <= size + 1);
  }
  return 0;
}
