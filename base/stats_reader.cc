// The reading half of base/stats.h: maps a segment's file, believes nothing in it that its size does not bear out.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>

#include "base/file_descriptor.h"
#include "base/stats.h"
#include "base/stats_layout.h"

namespace cardea::stats {
namespace {

constexpr int kTriesMax = 1000;  // of a row that changes under the reader; then its writer died half-way through it

class Mapping {
 public:
  Mapping(void* memory, size_t size) : memory_(memory), size_(size) {}
  Mapping(const Mapping&) = delete;
  ~Mapping() { ::munmap(memory_, size_); }

 private:
  void* memory_;
  size_t size_;
};

bool inside(uint64_t offset, uint64_t length, uint64_t size) {
  return offset <= size && length <= size - offset;
}

// Counts are 32 bits wide and strides are checked against the size first, so no product here can overflow.
bool sound(const Header& header, uint64_t size) {
  const uint64_t used = header.rows_used.load(std::memory_order_acquire);
  return header.rows_offset % 64 == 0 && header.cells_offset % 64 == 0 && header.core_stride % 64 == 0 &&
         used <= header.rows_max && header.core_stride <= size &&
         uint64_t{header.cells_max} * 8 <= header.core_stride && header.rows_offset >= sizeof(Header) &&
         inside(header.rows_offset, uint64_t{header.rows_max} * sizeof(Row), size) &&
         (header.cores == 0 || header.core_stride <= size / header.cores) &&
         inside(header.cells_offset, header.cores * header.core_stride, size);
}

struct Reader {
  const std::byte* memory;
  const Header& header;

  const Row& row(uint32_t index) const { return reinterpret_cast<const Row*>(memory + header.rows_offset)[index]; }

  uint64_t load(uint32_t core, uint32_t cell) const {
    const auto* cells = reinterpret_cast<const uint64_t*>(memory + header.cells_offset + core * header.core_stride);
    return std::atomic_ref(const_cast<uint64_t&>(cells[cell])).load(std::memory_order_relaxed);
  }

  void read_values(uint32_t cell, Sample& sample) const {
    const bool histogram = sample.description.kind == Kind::kHistogram;
    if (histogram) sample.buckets.assign(kHistogramBuckets, 0);
    for (uint32_t core = 0; core < header.cores; ++core) {
      if (!histogram) {
        sample.value += sample.per_core.emplace_back(load(core, cell));
        continue;
      }
      for (uint32_t i = 0; i < kHistogramBuckets; ++i) sample.buckets[i] += load(core, cell + i);
      sample.sum += load(core, cell + kHistogramBuckets);
      sample.count += sample.per_core.emplace_back(load(core, cell + kHistogramBuckets + 1));
    }
  }
};

template <size_t N>
std::string text(const char (&field)[N]) {
  return {field, strnlen(field, N)};
}

enum class Found { kSample, kNothing, kChanged, kDamaged };

Found try_row(const Reader& reader, const Row& row, Sample& sample) {
  const uint32_t before = row.generation.load(std::memory_order_acquire);
  if (before % 2 != 0) return Found::kChanged;
  if (before == 0) return Found::kNothing;
  Row copy{};
  std::memcpy(static_cast<void*>(&copy), static_cast<const void*>(&row), sizeof copy);
  std::atomic_thread_fence(std::memory_order_acquire);
  if (row.generation.load(std::memory_order_relaxed) != before) return Found::kChanged;
  if (!copy.live) return Found::kNothing;
  const auto kind = uint8_t(copy.kind);
  if (kind < uint8_t(Kind::kCounter) || kind > uint8_t(Kind::kHistogram) ||
      !inside(copy.cell, cells_of(copy.kind), reader.header.cells_max))
    return Found::kDamaged;
  sample = {};
  sample.description = {copy.kind, text(copy.name), text(copy.unit), text(copy.labels), text(copy.help)};
  reader.read_values(copy.cell, sample);
  std::atomic_thread_fence(std::memory_order_acquire);
  return row.generation.load(std::memory_order_relaxed) == before ? Found::kSample : Found::kChanged;
}

Result<std::optional<Sample>> read_row(const Reader& reader, uint32_t index) {
  Sample sample;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    switch (try_row(reader, reader.row(index), sample)) {
      case Found::kSample:
        return sample;
      case Found::kNothing:
        return std::nullopt;
      case Found::kDamaged:
        return fail(fmt::format("row {} is damaged", index));
      case Found::kChanged:
        std::this_thread::yield();
    }
  }
  return std::nullopt;
}

Result<Snapshot> read_mapped(const std::byte* memory, uint64_t size) {
  const auto& header = *reinterpret_cast<const Header*>(memory);
  if (header.magic != Header::kMagic) return fail("not a stats segment");
  if (header.layout_version != kLayoutVersion)
    return fail(
        fmt::format("a stats segment of layout {}, this program reads {}: restart the older of the two programs",
                    header.layout_version, kLayoutVersion));
  if (!sound(header, size)) return fail("its header does not fit the file: damaged");
  const Reader reader{memory, header};
  Snapshot snapshot{header.started_at, header.writer_pid.load(std::memory_order_relaxed), {}};
  const uint32_t rows = std::min(header.rows_used.load(std::memory_order_acquire), header.rows_max);
  for (uint32_t i = 0; i < rows; ++i) {
    auto sample = read_row(reader, i);
    if (!sample) return std::unexpected(std::move(sample.error()));
    if (*sample) snapshot.samples.push_back(std::move(**sample));
  }
  return snapshot;
}

}  // namespace

Result<Snapshot> read(const std::string& path) {
  const std::string context = "read stats segment " + path;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno(context);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return fail_errno(context);
  const auto size = uint64_t(status.st_size);
  if (!S_ISREG(status.st_mode) || size < sizeof(Header)) return fail(context + ": not a stats segment");
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(context);
  const Mapping mapping(memory, size);
  auto snapshot = read_mapped(static_cast<const std::byte*>(memory), size);
  if (!snapshot) return std::unexpected(std::move(snapshot.error()).in(context));
  return snapshot;
}

}  // namespace cardea::stats
