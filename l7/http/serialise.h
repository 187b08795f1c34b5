// Writes heads into a caller's buffer. Nothing is allocated; what does not fit is remembered, the rest is skipped, and
// finish() tells. Names and values are taken as they are: they come from a parsed head or from our own words.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
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
  void field(std::string_view name, std::string_view value) { put({name, ": ", value, "\r\n"}); }
  void field(std::string_view name, uint64_t value);
  // A line in pieces.
  void put(std::initializer_list<std::string_view> pieces) {
    size_t size = 0;
    for (const std::string_view piece : pieces) size += piece.size();
    if (size > size_t(end_ - at_)) {
      overflow_ = true;
      return;
    }
    for (const std::string_view piece : pieces) {
      if (piece.empty()) continue;
      std::memcpy(at_, piece.data(), piece.size());
      at_ += piece.size();
    }
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
      put({run});
      run = line;
      if (line.empty()) field(header.name(), header.value());
    }
    put({run});
  }
  void lines(std::span<const std::string_view> all) {
    for (const std::string_view line : all) put({line});
  }
  void end_of_head() { put({"\r\n"}); }

  // The bytes written, or that there was no room for them.
  Result<std::string_view> finish() const;

 private:
  char *begin_, *at_, *end_;
  bool overflow_ = false;
};

std::string_view reason_phrase(uint16_t status);  // "Not Found"; "Unknown" for a status nobody registered

}  // namespace cardea::l7::http
