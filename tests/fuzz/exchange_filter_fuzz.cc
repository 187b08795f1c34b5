// Conditions and forms of lines made of any bytes: what is read has bounds and can be asked, and a mistake is within the
// text.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/exchange_filter.h"
#include "base/line_format.h"

using namespace cardea;

namespace {

void check_filter(std::string_view text) {
  const auto filter = ExchangeFilter::parse(text);
  if (!filter) {
    CHECK(filter.error().at <= text.size() && !filter.error().message.empty(), "a mistake is elsewhere");
    return;
  }
  CHECK(!filter->nodes().empty() && filter->nodes().size() <= kFilterNodesMax, "more nodes than there may be");
  const auto something = [](ExchangeField field) {
    return row_of(field).kind == FieldKind::kText ? FieldValue::of("api") : FieldValue::of(uint64_t{500});
  };
  filter->matches(something);
  filter->matches([](ExchangeField) { return FieldValue(); });
}

void check_format(std::string_view text) {
  const auto format = parse_line_format(text);
  if (!format) {
    CHECK(format.error().at <= text.size() && !format.error().message.empty(), "a mistake is elsewhere");
    return;
  }
  size_t literals = format->after.size();
  for (const LineFormat::Piece& piece : format->pieces) literals += piece.before.size();
  CHECK(format->pieces.size() <= kFormatFieldsMax && (format->json || literals <= kFormatBytesMax), "a line has no room");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_filter(text);
  check_format(text);
  return 0;
}
