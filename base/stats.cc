#include "base/stats.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unordered_map>

#include "base/cache_line.h"
#include "base/check.h"
#include "base/growing_file.h"
#include "base/histogram.h"
#include "base/stats_layout.h"

namespace cardea::stats {
namespace {

// Two cores' blocks must not share a pair of lines.
constexpr uint64_t kCoreAlignment = kCacheLinePair;

const Description kRefused{Kind::kCounter, "cardea_stats_rows_refused_total", "", "",
                           "Rows that did not fit in the stats segment: what they count is missing here"};

struct Geometry {
  uint64_t rows_offset, cells_offset, core_stride, size;

  Geometry(uint32_t cores, uint32_t rows, uint32_t cells)
      : rows_offset(align_up(sizeof(Header), 64)),
        cells_offset(align_up(rows_offset + uint64_t{rows} * sizeof(Row), kCoreAlignment)),
        core_stride(align_up(uint64_t{cells} * sizeof(uint64_t), kCoreAlignment)),
        size(cells_offset + cores * core_stride) {}
};

uint64_t nanoseconds_since_epoch() {
  return uint64_t(std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

bool good_name(std::string_view name) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':'; };
  return !name.empty() && std::ranges::all_of(name, good) && !(name[0] >= '0' && name[0] <= '9');
}

template <size_t N>
bool fits(const char (&)[N], std::string_view text) {
  return text.size() < N && text.find('\0') == text.npos;
}

template <size_t N>
void put(char (&field)[N], std::string_view text) {
  std::memset(field, 0, N);
  std::ranges::copy(text, field);
}

Result<> check(const Description& description, const Row& row) {
  if (!good_name(description.name))
    return fail(fmt::format("\"{}\" cannot name a metric: use a-z, 0-9 and _", description.name));
  if (!fits(row.name, description.name) || !fits(row.unit, description.unit) || !fits(row.labels, description.labels) ||
      !fits(row.help, description.help))
    return fail(
        fmt::format("metric {}{{{}}} is described by too long a text: at most {} bytes of name, {} of unit, {} of "
                    "labels, {} of help",
                    description.name, description.labels, sizeof row.name - 1, sizeof row.unit - 1,
                    sizeof row.labels - 1, sizeof row.help - 1));
  return {};
}

std::string identity(const Description& description) {
  return description.name + '{' + description.labels;
}

Result<GrowingFile> begin_file(const std::string& path, uint64_t size) {
  auto file = GrowingFile::create(path, size, 0644);
  if (!file) return file;
  if (auto done = file->take(0, sizeof(Header)); !done) return std::unexpected(std::move(done.error()));
  return file;
}

// Memory is taken in such pieces, so that adding a row seldom asks the kernel.
constexpr uint64_t kRowsStep = 64 * sizeof(Row), kCellsStep = 32 << 10;

}  // namespace

struct Segment::Impl {
  GrowingFile file;
  uint64_t rows_taken = 0, cells_taken = 0;  // bytes; of cells in each core's block
  Header* header = nullptr;
  Row* rows = nullptr;
  uint32_t cells_used = 0;
  std::vector<uint32_t> free_rows, free_single, free_histogram;
  std::unordered_map<std::string, uint32_t> by_identity;
  uint32_t refused_row = 0;

  uint64_t* block(uint32_t core) {
    return reinterpret_cast<uint64_t*>(file.memory() + header->cells_offset + core * header->core_stride);
  }
  std::vector<uint32_t>& free_cells(Kind kind) { return kind == Kind::kHistogram ? free_histogram : free_single; }

  bool has_room(Kind kind) {
    const bool row = !free_rows.empty() || header->rows_used.load(std::memory_order_relaxed) < header->rows_max;
    return row && (!free_cells(kind).empty() || header->cells_max - cells_used >= cells_of(kind));
  }
  // Memory for one more row and its cells, where they may come to lie beyond what is there already.
  Result<> take_memory(Kind kind) {
    const uint64_t rows_end = (uint64_t{header->rows_used.load(std::memory_order_relaxed)} + 1) * sizeof(Row);
    if (rows_end > rows_taken) {
      const uint64_t more = std::min(kRowsStep, header->rows_max * sizeof(Row) - rows_taken);
      if (auto done = file.take(header->rows_offset + rows_taken, more); !done) return done;
      rows_taken += more;
    }
    if ((uint64_t{cells_used} + cells_of(kind)) * sizeof(uint64_t) <= cells_taken) return {};
    const uint64_t more = std::min(kCellsStep, header->core_stride - cells_taken);
    for (uint32_t core = 0; core < header->cores; ++core)
      if (auto done = file.take(header->cells_offset + core * header->core_stride + cells_taken, more); !done)
        return done;
    cells_taken += more;
    return {};
  }
  uint32_t take_cells(Kind kind) {
    auto& free = free_cells(kind);
    if (free.empty()) return std::exchange(cells_used, cells_used + cells_of(kind));
    const uint32_t first = free.back();
    free.pop_back();
    for (uint32_t core = 0; core < header->cores; ++core)
      for (uint32_t i = 0; i < cells_of(kind); ++i) set(block(core) + first + i, 0);
    return first;
  }
  uint32_t take_row() {
    if (free_rows.empty()) return header->rows_used.load(std::memory_order_relaxed);
    const uint32_t row = free_rows.back();
    free_rows.pop_back();
    return row;
  }
  uint32_t write_row(const Description& description);
};

namespace {
// A row being written has an odd generation; the fences keep the fields between the two stores (a sequence lock).
template <typename Write>
void rewrite(Row& row, Write write) {
  const uint32_t before = row.generation.load(std::memory_order_relaxed);
  row.generation.store(before + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  write();
  row.generation.store(before + 2, std::memory_order_release);
}
}  // namespace

uint32_t Segment::Impl::write_row(const Description& description) {
  const uint32_t index = take_row();
  Row& row = rows[index];
  rewrite(row, [&] {
    row.kind = description.kind;
    row.cell = take_cells(description.kind);
    row.live = true;
    put(row.name, description.name);
    put(row.unit, description.unit);
    put(row.labels, description.labels);
    put(row.help, description.help);
  });
  if (index == header->rows_used.load(std::memory_order_relaxed))
    header->rows_used.store(index + 1, std::memory_order_release);
  by_identity.emplace(identity(description), index);
  return index;
}

Segment::Segment(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Segment::Segment(Segment&&) noexcept = default;
Segment& Segment::operator=(Segment&&) noexcept = default;
Segment::~Segment() = default;

Result<Segment> Segment::create(const std::string& path, uint32_t cores, uint32_t rows_max, uint32_t cells_max) {
  if (cores == 0 || cores > 4096 || rows_max > 1 << 24 || cells_max > 1 << 28)
    return fail(
        fmt::format("a stats segment of {} cores, {} rows and {} cells cannot be made", cores, rows_max, cells_max));
  // One row and one cell more than asked for: the segment's own count of what it refused.
  const Geometry geometry(cores, rows_max + 1, cells_max + 1);
  // The file is filled under another name and renamed when whole, so that no reader ever maps half a header.
  const std::string unfinished = fmt::format("{}.{}", path, ::getpid());
  ::unlink(unfinished.c_str());
  auto impl = std::make_unique<Impl>();
  if (auto file = begin_file(unfinished, geometry.size)) {
    impl->file = std::move(*file);
  } else {
    ::unlink(unfinished.c_str());
    return std::unexpected(std::move(file.error()).in("stats segment"));
  }
  impl->rows = reinterpret_cast<Row*>(impl->file.memory() + geometry.rows_offset);
  impl->header = new (impl->file.memory()) Header{.magic = Header::kMagic,
                                                  .layout_version = kLayoutVersion,
                                                  .cores = cores,
                                                  .rows_max = rows_max + 1,
                                                  .cells_max = cells_max + 1,
                                                  .started_at = nanoseconds_since_epoch(),
                                                  .rows_offset = geometry.rows_offset,
                                                  .cells_offset = geometry.cells_offset,
                                                  .core_stride = geometry.core_stride,
                                                  .rows_used = 0,
                                                  .writer_pid = uint32_t(::getpid())};
  if (auto done = impl->take_memory(kRefused.kind); !done) {
    ::unlink(unfinished.c_str());
    return std::unexpected(std::move(done.error()).in("stats segment"));
  }
  impl->refused_row = impl->write_row(kRefused);
  if (::rename(unfinished.c_str(), path.c_str()) != 0) {
    auto failure = fail_errno("rename " + unfinished + " to " + path);
    ::unlink(unfinished.c_str());
    return failure;
  }
  return Segment(std::move(impl));
}

Result<uint32_t> Segment::add(const Description& description) {
  if (const auto known = impl_->by_identity.find(identity(description)); known != impl_->by_identity.end()) {
    if (impl_->rows[known->second].kind == description.kind) return known->second;
    return fail(
        fmt::format("metric {}{{{}}} exists already and is of another kind", description.name, description.labels));
  }
  if (auto good = check(description, impl_->rows[0]); !good) {
    stats::add(cell(0, impl_->refused_row), 1);
    return std::unexpected(std::move(good.error()));
  }
  if (!impl_->has_room(description.kind)) {
    stats::add(cell(0, impl_->refused_row), 1);
    return fail(fmt::format("no room for metric {}{{{}}}: the stats segment holds {} rows and {} cells",
                            description.name, description.labels, impl_->header->rows_max - 1,
                            impl_->header->cells_max - 1));
  }
  if (auto done = impl_->take_memory(description.kind); !done) {
    stats::add(cell(0, impl_->refused_row), 1);
    return std::unexpected(std::move(done.error()).in(fmt::format("metric {}", description.name)));
  }
  return impl_->write_row(description);
}

void Segment::remove(uint32_t row) {
  CHECK(row < impl_->header->rows_used && row != impl_->refused_row);
  Row& removed = impl_->rows[row];
  CHECK(removed.live, "a row is removed once");
  impl_->by_identity.erase(std::string(removed.name) + '{' + removed.labels);
  rewrite(removed, [&] { removed.live = false; });
  impl_->free_cells(removed.kind).push_back(removed.cell);
  impl_->free_rows.push_back(row);
}

Cell Segment::cell(uint32_t core, uint32_t row) {
  return cells(core) + cell_index(row);
}

uint32_t Segment::cell_index(uint32_t row) const {
  CHECK(row < impl_->header->rows_max);
  return impl_->rows[row].cell;
}

uint64_t* Segment::cells(uint32_t core) {
  CHECK(core < impl_->header->cores);
  return impl_->block(core);
}

uint32_t Segment::cores() const {
  return impl_->header->cores;
}

void observe(Cell histogram, uint64_t value) {
  add(histogram + bucket_of(value), 1);
  add(histogram + kHistogramBuckets, value);
  add(histogram + kHistogramBuckets + 1, 1);
}

}  // namespace cardea::stats
