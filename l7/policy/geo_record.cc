#include "l7/policy/geo_record.h"

namespace cardea::l7::policy {
namespace {

enum Kind : unsigned { kPointer = 1, kText = 2, kUint16 = 5, kUint32 = 6, kMap = 7, kArray = 11, kFlag = 14 };

// Of a pointer, by the two bits that say how long it is; the last kind has all its bits in the bytes that follow.
constexpr size_t kPointerBase[] = {0, 2048, 526336, 0};

}  // namespace

uint8_t GeoRecords::byte_at(size_t at) {
  if (at < data_.size()) return uint8_t(data_[at]);
  broken_ = true;
  return 0;
}

uint64_t GeoRecords::number_at(size_t& at, size_t bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < bytes; ++i) number = number << 8 | byte_at(at++);
  return number;
}

size_t GeoRecords::pointed_to(uint8_t control, size_t& at) {
  const size_t length = control >> 3 & 3;
  const size_t high = length == 3 ? 0 : size_t{control & 7u} << 8 * (length + 1);
  return kPointerBase[length] + (high | number_at(at, length + 1));
}

// Kinds above 7 stand in a byte of their own, sizes above 28 in up to three.
GeoRecords::Field GeoRecords::head_at(size_t& at) {
  if (fields_left_ == 0) broken_ = true;
  if (broken_) return {};
  --fields_left_;
  const uint8_t control = byte_at(at++);
  Field field{.kind = unsigned(control >> 5), .size = size_t{control} & 31};
  if (field.kind == kPointer) {
    field.at = pointed_to(control, at);
    return field;
  }
  if (field.kind == 0) field.kind = 7u + byte_at(at++);
  if (field.size == 29) field.size = 29 + number_at(at, 1);
  else if (field.size == 30) field.size = 285 + number_at(at, 2);
  else if (field.size == 31) field.size = 65821 + number_at(at, 3);
  field.at = at;
  return field;
}

// Where a pointer leads there is none (the specification forbids it).
GeoRecords::Field GeoRecords::field_at(size_t& at) {
  const Field field = head_at(at);
  if (field.kind == kText) at = field.at + field.size;
  if (field.kind != kPointer) return field;
  size_t there = field.at;
  const Field target = head_at(there);
  if (target.kind == kPointer) broken_ = true;
  return target;
}

std::string_view GeoRecords::text_of(const Field& field) {
  if (field.kind != kText) return {};
  if (field.at > data_.size() || field.size > data_.size() - field.at) broken_ = true;
  return broken_ ? std::string_view() : data_.substr(field.at, field.size);
}

void GeoRecords::skip(size_t& at, int depth) {
  const Field field = head_at(at);
  const bool holds_fields = field.kind == kMap || field.kind == kArray;
  if (field.kind == kPointer || field.kind == kFlag) return;  // which are their heads
  if (!holds_fields) at = field.at + field.size;
  if (holds_fields && depth == kDepthMax) broken_ = true;
  const size_t inside = !holds_fields ? 0 : field.kind == kMap ? 2 * field.size : field.size;
  for (size_t i = 0; i < inside && !broken_; ++i) skip(at, depth + 1);
}

GeoRecords::Field GeoRecords::entry_of(const Field& map, std::string_view key) {
  size_t at = map.at;
  for (size_t i = 0; map.kind == kMap && i < map.size && !broken_; ++i) {
    if (text_of(field_at(at)) == key) return field_at(at);
    skip(at, 0);
  }
  return {};
}

GeoValue GeoRecords::find(size_t offset, std::span<const std::string_view> path) {
  size_t at = offset;
  Field field = field_at(at);
  for (const std::string_view key : path) field = entry_of(field, key);
  if (broken_) return {};
  if (field.kind == kText) return text_of(field);
  if ((field.kind == kUint32 || field.kind == kUint16) && field.size <= 4) return uint32_t(number_at(field.at, field.size));
  return {};
}

}  // namespace cardea::l7::policy
