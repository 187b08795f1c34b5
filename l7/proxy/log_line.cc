#include "l7/proxy/log_line.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace cardea::l7::proxy {
namespace {

// What stands in a line as it is: visible ASCII and spaces. Everything else is written as an escape, bytes above 0x7f too:
// what encoding they are in nobody knows.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[size_t(c)] = c != '"' && c != '\\';
  return plain;
}();

constexpr std::string_view kHex = "0123456789abcdef";

// `escape(byte)` where one is not plain.
template <typename Put, typename Escape>
void put_escaped(std::string_view value, Put put, Escape escape) {
  while (!value.empty()) {
    const auto end = std::find_if(value.begin(), value.end(), [](char c) { return !kPlain[uint8_t(c)]; });
    const size_t plain = size_t(end - value.begin());
    put(value.substr(0, plain));
    if (plain == value.size()) return;
    escape(uint8_t(value[plain]));
    value.remove_prefix(plain + 1);
  }
}

}  // namespace

void LogLine::raw(std::string_view text) {
  constexpr size_t kEnd = 2;  // a brace and a newline
  const size_t size = std::min(text.size(), kBytes - kEnd - size_);
  std::memcpy(bytes_.data() + size_, text.data(), size);
  size_ += size;
}

void LogLine::escaped_json(std::string_view value) {
  put_escaped(value, [this](std::string_view text) { raw(text); }, [this](uint8_t c) {
    const char escape[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    raw({escape, sizeof escape});
  });
}

void LogLine::escaped_plain(std::string_view value) {
  put_escaped(value, [this](std::string_view text) { raw(text); }, [this](uint8_t c) {
    const char escape[] = {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    raw({escape, sizeof escape});
  });
}

void LogLine::number(uint64_t value) {
  char digits[20];
  raw({digits, size_t(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
}

void LogLine::milliseconds(std::chrono::nanoseconds value) {
  const auto us = uint64_t(std::max<int64_t>(value.count() / 1000, 0));
  number(us / 1000);
  const uint64_t rest = us % 1000;
  const char decimals[] = {'.', char('0' + rest / 100), char('0' + rest / 10 % 10), char('0' + rest % 10)};
  raw({decimals, sizeof decimals});
}

void LogLine::scalar(FieldKind kind, const FieldValue& value) {
  if (kind == FieldKind::kMilliseconds) return milliseconds(value.time);
  if (kind == FieldKind::kFlag) return raw(value.number != 0 ? "true" : "false");
  number(value.number);
}

void LogLine::json(std::string_view before, FieldKind kind, const FieldValue& value) {
  if (!value.present) return;
  raw(size_ == 0 ? "{" : ",");
  raw(before);
  if (kind != FieldKind::kText) return scalar(kind, value);
  quoted(value.text);
}

void LogLine::quoted(std::string_view value) {
  raw("\"");
  escaped_json(value);
  raw("\"");
}

void LogLine::plain(std::string_view before, FieldKind kind, const FieldValue& value) {
  raw(before);
  if (!value.present) return raw("-");
  if (kind != FieldKind::kText) return scalar(kind, value);
  escaped_plain(value.text);
}

std::string_view LogLine::finish() {
  bytes_[size_++] = '\n';
  return {bytes_.data(), size_};
}

std::string_view write_line(LogLine& line, const LineFormat& format, RecordFields& fields) {
  for (const LineFormat::Piece& piece : format.pieces) {
    const FieldKind kind = row_of(piece.field).kind;
    const FieldValue value = fields.value(piece.field);
    if (format.json) {
      line.json(piece.before, kind, value);
    } else {
      line.plain(piece.before, kind, value);
    }
  }
  line.raw(format.json ? "}" : format.after);
  return line.finish();
}

}  // namespace cardea::l7::proxy
