// Bytes of a stream's body that came and that nobody took yet, in the shard's buffers. How much there can be is what
// the stream's window allows.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "l7/proxy/buffers.h"

namespace cardea::l7::http2 {

class ReceivedBytes {
 public:
  explicit ReceivedBytes(proxy::Buffers& buffers) : buffers_(buffers) {}

  bool append(std::string_view bytes);  // false: the shard has no buffer, and the rest of them is lost
  size_t take(MutableBytes into);
  size_t size() const { return size_; }
  void clear();

 private:
  std::string_view first() const;

  proxy::Buffers& buffers_;
  std::vector<proxy::Buffer> parts_;
  size_t at_ = 0, end_ = 0;  // in the first of them, and in the last
  size_t size_ = 0;
};

}  // namespace cardea::l7::http2
