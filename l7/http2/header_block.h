// The fields of one header block as they came, copied out of HPACK's tables. A connection receives one block at a time,
// so one of these serves all its streams. Bounded before anything is joined: a byte on the wire may stand for thousands
// in a field (RFC 9113 10.5.1), so each field counts for 32 bytes more than it has (RFC 7541 4.1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cardea::l7::http2 {

struct Field {
  std::string_view name, value;
};

class HeaderBlock {
 public:
  static constexpr size_t kFieldsMax = 128, kFieldOverhead = 32;

  // Another one begins, which may have so many bytes.
  void begin(size_t bytes_max);
  void add(std::string_view name, std::string_view value);

  // There was more than is kept. What still comes has to be decoded, or HPACK's state is lost; it counts.
  bool too_large() const { return too_large_; }
  size_t decoded_bytes() const { return decoded_; }

  size_t size() const { return all_.size(); }
  Field operator[](size_t i) const;

 private:
  struct Place {
    size_t at, name_size, value_size;
  };
  std::string text_;
  std::vector<Place> all_;
  size_t bytes_max_ = 0, decoded_ = 0;
  bool too_large_ = false;
};

}  // namespace cardea::l7::http2
