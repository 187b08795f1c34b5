#include "l7/files/name.h"

#include "base/check.h"

namespace cardea::l7::files {
namespace {

constexpr std::string_view kWellKnown = ".well-known";

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Writes a name's bytes one by one and knows where in it they stand.
class Name {
 public:
  explicit Name(std::span<char> into) : into_(into) {}

  // False: no file has this name.
  bool add(char c) {
    if (c == '\0') return false;
    if (c == '/') return end_segment();
    if (size_ == begin_ && c == '.') hidden_ = true;
    put(c);
    return true;
  }
  std::optional<std::string_view> finish() {
    if (!may_go_on()) return std::nullopt;
    into_[size_] = '\0';
    return std::string_view(into_.data(), size_);
  }

 private:
  bool may_go_on() const { return !hidden_ || (begin_ == 0 && std::string_view(into_.data(), size_) == kWellKnown); }
  bool end_segment() {
    if (!may_go_on()) return false;
    hidden_ = false;
    if (size_ == begin_) return true;  // runs of slashes are one, and none stands in front
    put('/');
    begin_ = size_;
    return true;
  }
  void put(char c) {
    CHECK(size_ + 1 < into_.size(), "a file's name is longer than the path it was made of");
    into_[size_++] = c;
  }

  std::span<char> into_;
  size_t size_ = 0, begin_ = 0;  // of the segment
  bool hidden_ = false;
};

bool add(Name& name, std::string_view piece) {
  for (size_t i = 0; i < piece.size(); ++i) {
    if (piece[i] != '%') {
      if (!name.add(piece[i])) return false;
      continue;
    }
    if (piece.size() - i < 3) return false;
    const int high = digit_of(piece[i + 1]), low = digit_of(piece[i + 2]);
    const char c = char(high << 4 | low);
    if (high < 0 || low < 0 || c == '/' || !name.add(c)) return false;
    i += 2;
  }
  return true;
}

}  // namespace

std::optional<std::string_view> name_of(std::string_view front, std::string_view rest, std::span<char> into) {
  Name name(into);
  if (!add(name, front) || !add(name, rest)) return std::nullopt;
  return name.finish();
}

std::string_view extension(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('/') + 1);
  const size_t dot = last.rfind('.');
  return dot == last.npos || dot == 0 ? std::string_view() : last.substr(dot + 1);
}

}  // namespace cardea::l7::files
