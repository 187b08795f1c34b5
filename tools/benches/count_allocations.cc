// A library to put in front of the C library's allocator (LD_PRELOAD): counts every call of a process into the first
// eight bytes of the file that CARDEA_ALLOCATIONS names, where the bench reads them while the process runs.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {

std::atomic<uint64_t> before_file{0};
std::atomic<uint64_t>* count = &before_file;

void add() { count->fetch_add(1, std::memory_order_relaxed); }

__attribute__((constructor)) void open_file() {
  const char* const path = std::getenv("CARDEA_ALLOCATIONS");
  const int file = path != nullptr ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* const page = ::mmap(nullptr, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (page != MAP_FAILED) count = static_cast<std::atomic<uint64_t>*>(page);
}

}  // namespace

extern "C" {

void* malloc(size_t size) {
  add();
  return __libc_malloc(size);
}

void* calloc(size_t number, size_t size) {
  add();
  return __libc_calloc(number, size);
}

void* realloc(void* old, size_t size) {
  add();
  return __libc_realloc(old, size);
}

void* aligned_alloc(size_t alignment, size_t size) {
  add();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** into, size_t alignment, size_t size) {
  add();
  *into = __libc_memalign(alignment, size);
  return *into != nullptr ? 0 : 12;  // ENOMEM
}
}
