#include "l7/tls/crypto_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
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
constexpr size_t kRecordMin = 16 * 1024 + 1, kRecordBytes = kRecordBufferBytes + 8, kRecordsKept = 64;

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
  void give_back() {
    while (void* at = take()) std::free(at);
  }
};

struct Memory {
  std::array<Kept, kSmallMax / kStep + 1> small;
  Kept records;
  ptrdiff_t records_out = 0;
  size_t small_max = kSmallKept, records_max = kRecordsKept;  // in each list
};
constinit thread_local Memory memory;

// When a thread ends, so does what it kept; OpenSSL gives back the last of it behind that.
struct ThreadEnd {
  bool seen = false;
  ~ThreadEnd() {
    memory.small_max = memory.records_max = 0;
    for (Kept& kept : memory.small) kept.give_back();
    memory.records.give_back();
  }
};
thread_local ThreadEnd thread_end;

// From the heap, as long as not enough is kept: rarely.
void* from_heap(size_t bytes) {
  thread_end.seen = true;
  return std::malloc(bytes);
}

constexpr size_t rounded(size_t bytes) {
  return bytes <= kStep + 8 ? kStep + 8 : (bytes + 8 + kStep - 1) / kStep * kStep - 8;
}

bool is_record(size_t size) {
  return size >= kRecordBytes && size <= kRecordBytes + kStep;  // the heap may round up once
}

// A large block, from the heap: most of these are not asked for while a connection works.
void* counted(void* at) {
  if (at && is_record(malloc_usable_size(at))) memory.records_out++;
  return at;
}

void* allocate(size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  if (bytes >= kRecordMin && bytes <= kRecordBytes) {
    void* at = memory.records.take();
    memory.records_out++;
    return at ? at : from_heap(kRecordBytes);
  }
  const size_t size = rounded(bytes);
  if (size >= kSmallMax) return counted(from_heap(bytes));
  void* at = memory.small[size / kStep].take();
  return at ? at : from_heap(size);
}

void release(void* at, const char*, int) {
  if (!at) return;
  const size_t size = malloc_usable_size(at);
  const bool record = is_record(size);
  memory.records_out -= record;
  const bool kept = size < kSmallMax ? memory.small[size / kStep].keep(at, memory.small_max)
                                     : record && memory.records.keep(at, memory.records_max);
  if (!kept) std::free(at);
}

void* reallocate(void* at, size_t bytes, const char* file, int line) {
  if (!at) return allocate(bytes, file, line);
  if (bytes == 0) return release(at, file, line), nullptr;
  memory.records_out -= is_record(malloc_usable_size(at));
  const size_t size = rounded(bytes);  // or release() would keep it among larger ones
  return counted(std::realloc(at, size < kSmallMax ? size : bytes));
}

}  // namespace

size_t record_buffers() {
  return size_t(std::max<ptrdiff_t>(memory.records_out, 0));
}

void keep_crypto_memory() {
  CHECK(CRYPTO_set_mem_functions(allocate, reallocate, release) == 1, "OpenSSL was used before its memory was set");
}

}  // namespace cardea::l7::tls
