#include "l7/tls/crypto_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "base/check.h"

namespace cardea::l7::tls {
namespace {

// Sizes are glibc's own (multiples of 16, less the 8 bytes of its header), so that nothing is wasted and a block tells its
// class by malloc_usable_size().
constexpr size_t kStep = 16, kSmallMax = 1024, kSmallKept = 256;
// Records' buffers: 16 KB and what OpenSSL adds to them (16,584 and 16,712 bytes).
constexpr size_t kRecordMin = 16 * 1024 + 1, kRecordBytes = 17 * 1024 + 8, kRecordsKept = 64;

struct Block {
  Block* next;
};

struct Kept {
  Block* first = nullptr;
  uint32_t count = 0;

  void* take() {
    Block* block = first;
    if (!block) return nullptr;
    first = block->next;
    count--;
    return block;
  }
  bool keep(void* at, size_t max) {
    if (count >= max) return false;
    first = new (at) Block{first};
    count++;
    return true;
  }
};

struct Memory {
  std::array<Kept, kSmallMax / kStep + 1> small;
  Kept records;
};
constinit thread_local Memory memory;

constexpr size_t rounded(size_t bytes) {
  return bytes <= kStep + 8 ? kStep + 8 : (bytes + 8 + kStep - 1) / kStep * kStep - 8;
}

void* allocate(size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  if (bytes >= kRecordMin && bytes <= kRecordBytes) {
    void* at = memory.records.take();
    return at ? at : std::malloc(kRecordBytes);
  }
  const size_t size = rounded(bytes);
  if (size >= kSmallMax) return std::malloc(bytes);
  void* at = memory.small[size / kStep].take();
  return at ? at : std::malloc(size);
}

void release(void* at, const char*, int) {
  if (!at) return;
  const size_t size = malloc_usable_size(at);
  const bool record = size >= kRecordBytes && size <= kRecordBytes + kStep;  // the heap may round up once
  const bool kept = size < kSmallMax ? memory.small[size / kStep].keep(at, kSmallKept)
                                     : record && memory.records.keep(at, kRecordsKept);
  if (!kept) std::free(at);
}

void* reallocate(void* at, size_t bytes, const char* file, int line) {
  if (!at) return allocate(bytes, file, line);
  if (bytes == 0) return release(at, file, line), nullptr;
  return std::realloc(at, bytes);
}

}  // namespace

void keep_crypto_memory() {
  CHECK(CRYPTO_set_mem_functions(allocate, reallocate, release) == 1, "OpenSSL was used before its memory was set");
}

}  // namespace cardea::l7::tls
