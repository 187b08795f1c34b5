// One record of a database in MaxMind's format (mmdb 2.0, "Data Section"): what stands at a path of keys. The library's own
// reader goes as deep as the data says, and as often: this one knows bounds for both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace cardea::l7::policy {

using GeoValue = std::variant<std::monostate, std::string_view, uint32_t>;  // nothing: it is not there, or of another kind

class GeoRecords {
 public:
  explicit GeoRecords(std::string_view data) : data_(data), fields_left_(4 * data.size() + 1000) {}

  // Of the record at `offset`.
  GeoValue find(size_t offset, std::span<const std::string_view> path);
  // What was read is no data of that format, or of the same bytes far more was to be read than they are.
  bool broken() const { return broken_; }

 private:
  struct Field {
    unsigned kind = 0;
    size_t size = 0;  // of bytes, or of entries
    size_t at = 0;    // of its content
  };
  static constexpr int kDepthMax = 32;

  Field field_at(size_t& at);  // `at` goes behind a text, or a pointer, whose target is what it returns
  Field head_at(size_t& at);   // and behind a head
  size_t pointed_to(uint8_t control, size_t& at);
  void skip(size_t& at, int depth);
  Field entry_of(const Field& map, std::string_view key);  // of kind 0: it has none, or is no map
  std::string_view text_of(const Field& field);
  uint64_t number_at(size_t& at, size_t bytes);
  uint8_t byte_at(size_t at);

  std::string_view data_;
  size_t fields_left_;
  bool broken_ = false;
};

}  // namespace cardea::l7::policy
