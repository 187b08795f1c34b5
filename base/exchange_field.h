// The fields of an exchange that the access log, formats and filters of an operator's own can name. What writes them and
// what asks them goes by these rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cardea {

enum class ExchangeField : uint8_t {
#define EXCHANGE_FIELD(id, name, kind, in_json, prose) id,
#include "base/exchange_fields.def"
#undef EXCHANGE_FIELD
};

enum class FieldKind : uint8_t { kText, kNumber, kMilliseconds, kFlag };

struct ExchangeFieldRow {
  ExchangeField field;
  std::string_view name;
  FieldKind kind;
  bool in_json;
  std::string_view prose;
};
const std::vector<ExchangeFieldRow>& exchange_fields();
const ExchangeFieldRow& row_of(ExchangeField field);
std::optional<ExchangeField> exchange_field(std::string_view name);

// What an exchange says to a field. Absent: nothing.
struct FieldValue {
  bool present = false;
  std::string_view text;
  uint64_t number = 0;  // or a flag's
  std::chrono::nanoseconds time{0};

  static FieldValue of(std::string_view text) { return {.present = !text.empty(), .text = text}; }
  static FieldValue of(uint64_t number) { return {.present = true, .number = number}; }
  static FieldValue of(std::chrono::nanoseconds time) { return {.present = true, .time = time}; }
};

// Where a text of an operator's own is wrong, and about which word of it.
struct TextMistake {
  size_t at = 0;
  std::string message, word;  // the word: an unknown field's name, else empty
};

}  // namespace cardea
