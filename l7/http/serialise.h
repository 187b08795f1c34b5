// Writes heads into a caller's buffer. Nothing is allocated; what does not fit is remembered, the rest is skipped, and
// finish() tells. Names and values are taken as they are: they come from a parsed head or from our own words.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/error.h"
#include "l7/http/head.h"

namespace cardea::l7::http {

class HeadWriter {
 public:
  explicit HeadWriter(std::span<char> into) : begin_(into.data()), at_(begin_), end_(begin_ + into.size()) {}

  void request_line(std::string_view method, std::string_view path, bool has_query, std::string_view query);
  void status_line(uint16_t status, std::string_view reason);  // an empty reason: the registered one
  void field(std::string_view name, std::string_view value) { put(name, ": ", value, "\r\n"); }
  void field(std::string_view name, uint64_t value);
  // A line in pieces. Those that are written here are as many moves as their letters need: the compiler knows them.
  template <typename... Pieces>
  [[gnu::always_inline]] void put(const Pieces&... pieces) {
    put_texts(std::string_view(pieces)...);
  }
  // The headers for which `keep(header)`, in their order; neighbours that need no new spacing are one copy.
  template <typename Keep>
  void fields(const Headers& headers, Keep keep) {
    std::string_view run;
    for (const Header& header : headers) {
      if (!keep(header)) continue;
      const std::string_view line = header.line();
      if (!line.empty() && line.data() == run.data() + run.size()) {
        run = {run.data(), run.size() + line.size()};
        continue;
      }
      put(run);
      run = line;
      if (line.empty()) field(header.name(), header.value());
    }
    put(run);
  }
  void lines(std::span<const std::string_view> all) {
    for (const std::string_view line : all) put(line);
  }
  void end_of_head() { put("\r\n"); }

  // The bytes written, or that there was no room for them.
  Result<std::string_view> finish() const;

 private:
  template <typename... Texts>
  [[gnu::always_inline]] void put_texts(const Texts... texts) {
    if ((texts.size() + ...) > size_t(end_ - at_)) {
      overflow_ = true;
      return;
    }
    (copy(texts), ...);
  }
  [[gnu::always_inline]] void copy(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

  char *begin_, *at_, *end_;
  bool overflow_ = false;
};

std::string_view reason_phrase(uint16_t status);  // "Not Found"; "Unknown" for a status nobody registered

}  // namespace cardea::l7::http
