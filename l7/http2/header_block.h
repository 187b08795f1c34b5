// The fields of one header block as they came, copied out of HPACK's tables. A connection receives one block at a time,
// so one of these serves all its streams. Bounded before anything is joined: a byte on the wire may stand for thousands
// in a field (RFC 9113 10.5.1), so each field counts for 32 bytes more than it has (RFC 7541 4.1). While a block is open
// its memory is the shard's buffers', with as much beside its fields as nghttp2 may hold of the one that is not whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "l7/proxy/buffers.h"

namespace cardea::l7::http2 {

struct Field {
  std::string_view name, value;
};

class HeaderBlock {
 public:
  static constexpr size_t kFieldsMax = 128, kFieldOverhead = 32;
  // A client's begins a request, and leaves the buffers that are kept for what is under way.
  enum class From : uint8_t { kClient, kBackend };

  HeaderBlock(proxy::Buffers& buffers, From from) : buffers_(buffers), from_(from) {}

  // So many bytes are decoded next: of the block that is open, or that begins in them.
  void comes(size_t bytes) { partial_ = open_ ? partial_ + bytes : bytes; }
  // Another one begins, which may have so many bytes.
  void begin(size_t bytes_max);
  void add(std::string_view name, std::string_view value);
  // More of it is waited for: what came of a field that is not whole is held too. False: there is no memory for it just
  // now.
  bool hold();
  // It was used, or never will be: its memory goes back.
  void end();

  bool open() const { return open_; }
  // There was more than is kept. What still comes has to be decoded, or HPACK's state is lost; it counts.
  bool too_large() const { return too_large_; }
  // The same for want of a buffer: no field is kept.
  bool lacks_memory() const { return lacks_memory_; }
  size_t decoded_bytes() const { return decoded_; }

  size_t size() const { return all_.size(); }
  Field operator[](size_t i) const;

 private:
  struct Place {
    uint32_t at, name_size, value_size;
  };
  bool grow(size_t bytes);  // false: there is no memory for it, and all is as it was
  void forget_fields();
  void append(std::string_view text);

  proxy::Buffers& buffers_;
  From from_;
  bool open_ = false, too_large_ = false, lacks_memory_ = false;
  proxy::Buffer text_;
  std::vector<Place> all_;
  size_t used_ = 0;     // of text_
  size_t partial_ = 0;  // bytes that came of a field that is not whole, or a little more
  size_t bytes_max_ = 0, decoded_ = 0;
};

}  // namespace cardea::l7::http2
