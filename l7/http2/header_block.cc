#include "l7/http2/header_block.h"

#include <algorithm>

namespace cardea::l7::http2 {

using proxy::Buffer;
using proxy::Buffers;

namespace {

constexpr size_t kPartialMax = 128 * 1024;  // nghttp2 takes no longer name, nor value, than half of it
constexpr size_t kLiteralOverhead = 3;      // of a field as it is sent (RFC 7541 6.2)

}  // namespace

void HeaderBlock::begin(size_t bytes_max) {
  open_ = true;
  used_ = decoded_ = 0;
  all_.clear();
  bytes_max_ = bytes_max;
  too_large_ = lacks_memory_ = false;
}

void HeaderBlock::end() {
  open_ = false;
  partial_ = 0;
  forget_fields();
}

// Doubled, so that what comes in small pieces is not copied for each.
bool HeaderBlock::grow(size_t bytes) {
  const size_t now = text_.span().size();
  if (bytes <= now) return true;
  const size_t wanted = now < Buffers::kPiece ? bytes : std::max(bytes, 2 * now);
  Buffer larger = from_ == From::kClient ? buffers_.take_for_new(wanted) : buffers_.take(wanted);
  if (!larger) return false;
  std::ranges::copy(text_.span().first(used_), larger.span().begin());
  text_ = std::move(larger);
  return true;
}

void HeaderBlock::forget_fields() {
  text_ = Buffer();
  all_.clear();
  used_ = 0;
}

void HeaderBlock::append(std::string_view text) {
  std::ranges::copy(text, text_.span().begin() + ptrdiff_t(used_));
  used_ += text.size();
}

void HeaderBlock::add(std::string_view name, std::string_view value) {
  const size_t size = name.size() + value.size();
  decoded_ += size + kFieldOverhead;
  partial_ -= std::min(partial_, size + kLiteralOverhead);
  too_large_ = too_large_ || decoded_ > bytes_max_ || all_.size() == kFieldsMax;
  if (too_large_ || lacks_memory_) return;
  if (!grow(used_ + size)) {
    lacks_memory_ = true;
    return forget_fields();
  }
  all_.push_back({uint32_t(used_), uint32_t(name.size()), uint32_t(value.size())});
  append(name), append(value);
}

bool HeaderBlock::hold() {
  return grow(used_ + std::min(partial_, kPartialMax));
}

Field HeaderBlock::operator[](size_t i) const {
  const Place& place = all_[i];
  const std::string_view text(text_.span().data(), used_);
  return {text.substr(place.at, place.name_size), text.substr(place.at + place.name_size, place.value_size)};
}

}  // namespace cardea::l7::http2
