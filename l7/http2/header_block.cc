#include "l7/http2/header_block.h"

namespace cardea::l7::http2 {

void HeaderBlock::begin(size_t bytes_max) {
  text_.clear(), all_.clear();
  bytes_max_ = bytes_max;
  decoded_ = 0;
  too_large_ = false;
}

void HeaderBlock::add(std::string_view name, std::string_view value) {
  decoded_ += name.size() + value.size() + kFieldOverhead;
  too_large_ = too_large_ || decoded_ > bytes_max_ || all_.size() == kFieldsMax;
  if (too_large_) return;
  all_.push_back({text_.size(), name.size(), value.size()});
  text_.append(name).append(value);
}

Field HeaderBlock::operator[](size_t i) const {
  const Place& place = all_[i];
  const std::string_view text(text_);
  return {text.substr(place.at, place.name_size), text.substr(place.at + place.name_size, place.value_size)};
}

}  // namespace cardea::l7::http2
