// The memory of a compressor that asks for it anew with each body: what it gives back is kept and given to it again, so that
// the second body costs the heap nothing. It refuses nothing: libbrotlienc, as Debian builds it, ends the process that
// cannot give it memory.
#pragma once

#include <cstddef>
#include <vector>

namespace cardea::l7::compress {

class KeptMemory {
 public:
  KeptMemory() = default;
  KeptMemory(const KeptMemory&) = delete;
  ~KeptMemory();

  void* take(size_t bytes);
  void give(void* at);  // null: nothing
  size_t bytes() const { return bytes_; }

 private:
  struct Block {
    void* at = nullptr;
    size_t size = 0;
    bool used = false;
  };
  Block* smallest_fit(size_t bytes);

  std::vector<Block> blocks_;  // about a dozen
  size_t bytes_ = 0;
};

}  // namespace cardea::l7::compress
