// The stats segment: counters, gauges and histograms in shared memory, one plain uint64 a core and row, described by
// one table that any reader can map. The hot path adds to its own core's cells and nothing else; only readers sum. A
// writer that dies leaves its last values readable; a reader that dies harms nobody.
//
// Layout of the file (little-endian, all offsets from the start, 64-byte aligned):
//   Header | Row[rows_max] | core 0: uint64[cells_max] | core 1: … | …
// A row owns 1 cell (counter, gauge) or kHistogramCells (histogram) at Row::cell, the same in each core's block.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cardea::stats {

enum class Kind : uint8_t { kCounter = 1, kGauge = 2, kHistogram = 3 };

// Histograms: a bucket for each bound of base/histogram.h and one for what is beyond; the last two cells are the sum
// and the count.
inline constexpr uint32_t kHistogramBuckets = 40;
inline constexpr uint32_t kHistogramCells = kHistogramBuckets + 2;

// What describes a row. Name and labels in Prometheus' form: name "cardea_backend_packets_total" (counters end in
// _total, units are base units), labels `pool="web",backend="10.0.0.11:8080"` already escaped, help one sentence.
struct Description {
  Kind kind = Kind::kCounter;
  std::string name, unit, labels, help;
};

struct Header {
  static constexpr uint64_t kMagic = 0x3153544154534143;  // "CASTATS1"
  uint64_t magic;
  uint32_t layout_version;
  uint32_t cores, rows_max, cells_max;
  uint64_t started_at;  // nanoseconds since the epoch: tells a restart from a counter that went back
  uint64_t rows_offset, cells_offset, core_stride;
  std::atomic<uint32_t> rows_used;  // rows below this were given out at some time
  std::atomic<uint32_t> writer_pid;
};

struct Row {
  std::atomic<uint32_t> generation;  // odd while being written, 0 never used; readers retry when it changed
  Kind kind;
  bool live;
  uint32_t cell;
  char name[96], unit[16], labels[224], help[160];
};

using Cell = uint64_t*;  // one core's cell of a row

// Owned by the process that counts. Adding and removing rows is its control thread's work; adding to a cell is free of
// any lock. Every limit is set at creation, and memory is taken as rows are added: a full table is an Error and counted
// in `cardea_stats_rows_refused_total`.
class Segment {
 public:
  // Creates (or replaces) the file at `path`, e.g. "/dev/shm/cardea-dataplane". Old mappings of an earlier file keep
  // working; its readers see the new one by its inode.
  static Result<Segment> create(const std::string& path, uint32_t cores, uint32_t rows_max, uint32_t cells_max);
  Segment(Segment&&) noexcept;
  Segment& operator=(Segment&&) noexcept;
  ~Segment();  // unmaps; the file stays for a last read

  // The row with this name and these labels, made when it is not there (values of a removed row are zeroed first).
  Result<uint32_t> add(const Description& description);
  void remove(uint32_t row);

  Cell cell(uint32_t core, uint32_t row);  // stable until the segment is gone
  uint32_t cell_index(
      uint32_t row) const;  // offset in the core's block: cells(core) + cell_index(row) == cell(core, row)
  uint64_t* cells(uint32_t core);
  uint32_t cores() const;

 private:
  struct Impl;
  explicit Segment(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One core writes, others read: plain adds that no reader can tear.
inline void add(Cell cell, uint64_t n) {
  std::atomic_ref<uint64_t>(*cell).store(*cell + n, std::memory_order_relaxed);
}
inline void set(Cell cell, uint64_t value) {
  std::atomic_ref<uint64_t>(*cell).store(value, std::memory_order_relaxed);
}
void observe(Cell histogram, uint64_t value);

struct Sample {
  Description description;
  uint64_t value = 0;              // counters, gauges: sum over cores (a gauge may be negative: read as int64)
  std::vector<uint64_t> per_core;  // the same before summing
  std::vector<uint64_t> buckets;   // histograms: kHistogramBuckets counts, not cumulative
  uint64_t sum = 0, count = 0;
};

struct Snapshot {
  uint64_t started_at = 0;
  uint32_t writer_pid = 0;
  std::vector<Sample> samples;
};

// Maps read-only, checks every offset against the file's size, copies, unmaps. An Error when there is no segment, when
// it is of another layout or damaged.
Result<Snapshot> read(const std::string& path);

}  // namespace cardea::stats
