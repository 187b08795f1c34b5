// A traceparent made of any bytes: what is read stands in it, and written anew is read as the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "l7/http/trace_context.h"

using namespace cardea::l7::http;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto read = parse_traceparent(text);
  if (!read) return 0;
  const auto written = write_traceparent(*read);
  const std::string_view again(written.data(), written.size());
  CHECK(again.substr(3, 50) == text.substr(3, 50), "the ids are others");
  const auto reread = parse_traceparent(again);
  CHECK(reread && reread->trace_id == read->trace_id && reread->parent_id == read->parent_id &&
            reread->sampled == read->sampled,
        "it is read as something else");
  return 0;
}
