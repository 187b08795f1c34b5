// ClientHellos read once more, as slowly and plainly as possible: all records are joined first, then the message is cut up
// into strings. What tests and the fuzz target hold the reader against; and hellos to be built.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cardea::l7::tls::test {

inline std::string number(size_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += char(value >> (8 * bytes));
  return text;
}
inline std::string with_length(const std::string& text, int bytes) {
  return number(text.size(), bytes) + text;
}

// ------------------------------------------------------------------ building

inline std::string extension(uint16_t type, const std::string& data) {
  return number(type, 2) + with_length(data, 2);
}
inline std::string named(const std::string& name) {
  return extension(0, with_length('\0' + with_length(name, 2), 2));
}
inline std::string offering(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) list += with_length(protocol, 1);
  return extension(16, with_length(list, 2));
}
// A message, with its head.
inline std::string hello(const std::string& extensions) {
  const std::string suites("\x1a\x1a\x13\x01\x13\x02", 6);  // the first is GREASE
  const std::string body = "\x03\x03" + std::string(32, 'r') + with_length(std::string(32, 's'), 1) +
                           with_length(suites, 2) + with_length(std::string(1, '\0'), 1) + with_length(extensions, 2);
  return '\x01' + with_length(body, 3);
}
inline std::string record(const std::string& content) {
  return "\x16\x03\x01" + with_length(content, 2);
}
// In records of so many bytes each.
inline std::string records(const std::string& message, size_t size) {
  std::string all;
  for (size_t at = 0; at < message.size(); at += size) all += record(message.substr(at, size));
  return all;
}

// ------------------------------------------------------------------ reading

struct Plain {
  std::string name, alpn;
};

// A vector behind a length of so many bytes, taken off the front.
inline std::optional<std::string> take(std::string& text, int length_bytes) {
  if (text.size() < size_t(length_bytes)) return {};
  size_t size = 0;
  for (int i = 0; i < length_bytes; ++i) size = size * 256 + uint8_t(text[size_t(i)]);
  if (text.size() < length_bytes + size) return {};
  std::string taken = text.substr(size_t(length_bytes), size);
  text.erase(0, length_bytes + size);
  return taken;
}

inline std::optional<Plain> read_extensions(std::string all) {
  Plain plain;
  int names = 0, offers = 0;
  while (!all.empty()) {
    if (all.size() < 2) return {};
    const int type = uint8_t(all[0]) * 256 + uint8_t(all[1]);
    all.erase(0, 2);
    const auto data = take(all, 2);
    if (!data) return {};
    if (type == 0) {
      ++names;
      std::string rest = *data;
      const auto list = take(rest, 2);
      if (!list || !rest.empty() || list->empty() || list->front() != '\0') continue;
      std::string name = list->substr(1);
      const auto host = take(name, 2);
      if (host && name.empty() && host->size() <= 255 && host->find('\0') == host->npos) plain.name = *host;
    }
    if (type == 16) {
      ++offers;
      std::string rest = *data;
      const auto list = take(rest, 2);
      if (!list || !rest.empty() || list->empty()) return {};
      plain.alpn = *list;
      for (std::string left = *list; !left.empty();)
        if (const auto protocol = take(left, 1); !protocol || protocol->empty()) return {};
    }
  }
  if (names > 1 || offers > 1) return {};
  return plain;
}

// Of all bytes that came; empty: it is malformed, or not all there.
inline std::optional<Plain> read_plainly(std::string bytes) {
  std::string message;
  for (;;) {
    if (message.size() >= 4) {
      std::string body = message.substr(1);
      if (const auto whole = take(body, 3)) {
        if (!body.empty() || message[0] != 1) return {};
        std::string text = *whole;
        if (text.size() < 34) return {};
        text.erase(0, 34);
        const auto session = take(text, 1);
        if (!session || session->size() > 32) return {};
        const auto suites = take(text, 2);
        if (!suites || suites->empty() || suites->size() % 2 == 1) return {};
        const auto methods = take(text, 1);
        if (!methods || methods->empty()) return {};
        if (text.empty()) return Plain();
        const auto extensions = take(text, 2);
        if (!extensions || !text.empty()) return {};
        return read_extensions(*extensions);
      }
    }
    if (bytes.size() < 3 || bytes[0] != '\x16' || bytes[1] != '\x03') return {};
    bytes.erase(0, 3);
    const auto content = take(bytes, 2);
    if (!content || content->empty() || content->size() > 16384) return {};
    message += *content;
  }
}

}  // namespace cardea::l7::tls::test
