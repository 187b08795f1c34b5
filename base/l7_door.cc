#include "base/l7_door.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace cardea {
namespace {

constexpr uint64_t kMagic = 0x31726f6f64'377c;  // and the layout's number in its first letter
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
constexpr uint32_t kPipeMax = 4 << 20;

struct Header {
  uint64_t magic;
  L7Door::Shape shape;
};

struct alignas(kCacheLinePair) Asleep {
  std::atomic<uint32_t> word;
};

constexpr size_t kAsleepAt = kCacheLinePair;
static_assert(sizeof(Header) <= kAsleepAt);

size_t pair_bytes(const L7Door::Shape& shape) {
  return PacketPipe::bytes_needed(shape.up_bytes) + PacketPipe::bytes_needed(shape.down_bytes);
}

size_t pairs_at(const L7Door::Shape& shape) {
  return kAsleepAt + (size_t{shape.workers} + shape.shards) * sizeof(Asleep);
}

size_t size_of(const L7Door::Shape& shape) {
  return pairs_at(shape) + size_t{shape.workers} * shape.shards * pair_bytes(shape);
}

bool makes_sense(const L7Door::Shape& shape) {
  return shape.workers >= 1 && shape.workers <= L7Door::kWorkersMax && shape.shards >= 1 &&
         shape.shards <= L7Door::kShardsMax && PacketPipe::is_capacity(shape.up_bytes) &&
         PacketPipe::is_capacity(shape.down_bytes);
}

Result<std::byte*> map_memory(const FileDescriptor& memory, size_t size) {
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, memory.get(), 0);
  if (at == MAP_FAILED) return fail_errno("map the door's memory");
  return static_cast<std::byte*>(at);
}

std::unexpected<Error> not_a_door(std::string_view why) {
  return fail(fmt::format("the memory that was handed over is no door of this version: {}", why));
}

}  // namespace

L7Door::Shape L7Door::shape(uint32_t workers, uint32_t shards, uint64_t bytes_max) {
  const uint64_t fair = bytes_max / (uint64_t{2} * std::max(1u, workers) * std::max(1u, shards));
  const auto pipe = uint32_t(std::clamp<uint64_t>(std::bit_floor(fair), PacketPipe::kCapacityMin, kPipeMax));
  return {.workers = workers, .shards = shards, .up_bytes = pipe, .down_bytes = pipe};
}

Result<L7Door> L7Door::create(const Shape& shape) {
  if (!makes_sense(shape)) return fail("a door of this shape cannot be made");
  FileDescriptor memory(::memfd_create("l7-door", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail_errno("make the door's memory");
  const size_t size = size_of(shape);
  if (::ftruncate(memory.get(), off_t(size)) != 0) return fail_errno("size the door's memory");
  if (::fcntl(memory.get(), F_ADD_SEALS, kSizeSeals) != 0) return fail_errno("seal the door's memory");
  auto at = map_memory(memory, size);
  if (!at) return std::unexpected(std::move(at).error());
  store_native(*at, Header{kMagic, shape});
  return L7Door(std::move(memory), *at, shape);
}

Result<L7Door> L7Door::map(FileDescriptor memory) {
  const int seals = ::fcntl(memory.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) return not_a_door("its size is not sealed");
  Header header{};
  if (::pread(memory.get(), &header, sizeof header, 0) != ssize_t(sizeof header)) return not_a_door("it is too short");
  if (header.magic != kMagic || !makes_sense(header.shape)) return not_a_door("its head says something else");
  struct stat status{};
  if (::fstat(memory.get(), &status) != 0) return fail_errno("ask the size of the door's memory");
  const size_t size = size_of(header.shape);
  if (uint64_t(status.st_size) != size) return not_a_door("its size is not that of its pipes");
  auto at = map_memory(memory, size);
  if (!at) return std::unexpected(std::move(at).error());
  return L7Door(std::move(memory), *at, header.shape);
}

L7Door::L7Door(L7Door&& other) noexcept
    : memory_(std::move(other.memory_)), at_(std::exchange(other.at_, nullptr)), shape_(other.shape_) {}

L7Door::~L7Door() {
  if (at_ != nullptr) ::munmap(at_, size_of(shape_));
}

std::byte* L7Door::pair(uint32_t worker, uint32_t shard) const {
  CHECK(worker < shape_.workers && shard < shape_.shards);
  return at_ + pairs_at(shape_) + (size_t{worker} * shape_.shards + shard) * pair_bytes(shape_);
}

PacketPipe& L7Door::up(uint32_t worker, uint32_t shard) const {
  return *reinterpret_cast<PacketPipe*>(pair(worker, shard));
}

PacketPipe& L7Door::down(uint32_t worker, uint32_t shard) const {
  return *reinterpret_cast<PacketPipe*>(pair(worker, shard) + PacketPipe::bytes_needed(shape_.up_bytes));
}

std::atomic<uint32_t>& L7Door::asleep(uint32_t index) const {
  return reinterpret_cast<Asleep*>(at_ + kAsleepAt)[index].word;
}

std::atomic<uint32_t>& L7Door::worker_asleep(uint32_t worker) const {
  CHECK(worker < shape_.workers);
  return asleep(worker);
}

std::atomic<uint32_t>& L7Door::shard_asleep(uint32_t shard) const {
  CHECK(shard < shape_.shards);
  return asleep(shape_.workers + shard);
}

}  // namespace cardea
