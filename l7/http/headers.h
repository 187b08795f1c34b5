// The headers of one message, in order, as views into the buffer they were read from: a fixed array, no allocation, and
// the first header of each known name found without a search.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "l7/http/header_id.h"

namespace cardea::l7::http {

class Header {
 public:
  std::string_view name() const { return {name_, name_size_}; }
  std::string_view value() const { return {name_ + value_at_, value_size_}; }  // without white space around it
  HeaderId id() const { return id_; }
  // The whole line with its CR LF where it is spaced as we write lines ourselves, to be copied at once; else empty.
  std::string_view line() const {
    const bool spaced = value_at_ == name_size_ + 2 && name_[name_size_ + 1] == ' ';
    if (!spaced || name_[value_at_ + value_size_] != '\r') return {};
    return {name_, size_t{value_at_} + value_size_ + 2};
  }

 private:
  friend class Headers;
  const char* name_;
  uint32_t name_size_, value_at_, value_size_;
  HeaderId id_;
};

class Headers {
 public:
  static constexpr size_t kMax = 128;

  Headers() {}  // leaves the array as it is: 3 KB that nobody reads
  void clear() { count_ = 0, present_ = repeated_ = 0; }
  // `value` lies behind `name` in the same buffer, and the line's CR LF behind that. There must be room.
  void add(HeaderId id, std::string_view name, std::string_view value) {
    Header& header = all_[count_];
    header.name_ = name.data();
    header.name_size_ = uint32_t(name.size());
    header.value_at_ = uint32_t(value.data() - name.data());
    header.value_size_ = uint32_t(value.size());
    header.id_ = id;
    if (present_ & bit(id)) {
      repeated_ |= bit(id);
    } else {
      present_ |= bit(id);
      first_[size_t(id)] = uint8_t(count_);
    }
    ++count_;
  }

  size_t size() const { return count_; }
  bool full() const { return count_ == kMax; }
  const Header* begin() const { return all_.data(); }
  const Header* end() const { return all_.data() + count_; }
  const Header& operator[](size_t i) const { return all_[i]; }

  bool has(HeaderId id) const { return present_ & bit(id); }
  bool repeated(HeaderId id) const { return repeated_ & bit(id); }
  uint64_t present() const { return present_; }
  const Header* find(HeaderId id) const { return has(id) ? &all_[first_[size_t(id)]] : nullptr; }
  // The first value of that name, empty when there is none.
  std::string_view value(HeaderId id) const { return has(id) ? find(id)->value() : std::string_view(); }

 private:
  uint64_t present_ = 0, repeated_ = 0;
  size_t count_ = 0;
  std::array<uint8_t, 64> first_;
  std::array<Header, kMax> all_;
};
static_assert(Headers::kMax <= 256, "positions are bytes");

}  // namespace cardea::l7::http
