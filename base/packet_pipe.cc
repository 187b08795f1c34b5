#include "base/packet_pipe.h"

#include "base/check.h"

namespace cardea {
namespace {

// Before each packet.
struct Head {
  uint32_t size;  // or kSkip: nothing more until the end of the ring
  uint16_t flags;
  uint16_t zero[5];
};
static_assert(sizeof(Head) == 16);
constexpr uint32_t kSkip = UINT32_MAX;

constexpr uint32_t record_bytes(uint32_t size) {
  return (uint32_t(sizeof(Head)) + size + PacketPipe::kAlignment - 1) & ~(PacketPipe::kAlignment - 1);
}

void write_head(std::byte* at, uint32_t size, uint16_t flags) {
  store_native(at, Head{size, flags, {}});
}

}  // namespace

// ---- the writer

PacketWriter::PacketWriter(PacketPipe& pipe, uint32_t capacity)
    : pipe_(&pipe),
      capacity_(capacity),
      tail_(pipe.tail.load(std::memory_order_relaxed)),
      head_seen_(pipe.head.load(std::memory_order_acquire)),
      published_(tail_) {
  CHECK(PacketPipe::is_capacity(capacity));
  broken_ = used() > capacity_ || tail_ % PacketPipe::kAlignment != 0;
}

uint32_t PacketWriter::used() {
  return tail_ - head_seen_;
}

MutableBytes PacketWriter::reserve(uint32_t size) {
  CHECK(size <= PacketPipe::kPacketMax);
  const uint32_t record = record_bytes(size), at = tail_ & (capacity_ - 1);
  const uint32_t skipped = capacity_ - at < record ? capacity_ - at : 0;
  if (broken_) return {};
  if (capacity_ - used() < skipped + record) {
    head_seen_ = pipe_->head.load(std::memory_order_acquire);
    broken_ = used() > capacity_;
    if (broken_ || capacity_ - used() < skipped + record) return {};
  }
  if (skipped != 0) {
    write_head(pipe_->bytes + at, kSkip, 0);
    tail_ += skipped;
  }
  reserved_ = size;
  return {pipe_->bytes + (tail_ & (capacity_ - 1)) + sizeof(Head), size};
}

void PacketWriter::commit(uint32_t size, uint16_t flags) {
  CHECK(size <= reserved_);
  write_head(pipe_->bytes + (tail_ & (capacity_ - 1)), size, flags);
  tail_ += record_bytes(size);
  reserved_ = 0;
}

bool PacketWriter::publish() {
  if (published_ == tail_) return false;
  published_ = tail_;
  pipe_->tail.store(tail_, std::memory_order_release);
  return true;
}

// ---- the reader

PacketReader::PacketReader(PacketPipe& pipe, uint32_t capacity)
    : pipe_(&pipe),
      capacity_(capacity),
      head_(pipe.head.load(std::memory_order_relaxed)),
      tail_seen_(head_),
      released_(head_) {
  CHECK(PacketPipe::is_capacity(capacity));
  broken_ = head_ % PacketPipe::kAlignment != 0;
}

bool PacketReader::any() {
  if (broken_) return false;
  if (head_ != tail_seen_) return true;
  tail_seen_ = pipe_->tail.load(std::memory_order_acquire);
  const uint32_t written = tail_seen_ - released_, read = head_ - released_;
  broken_ = written > capacity_ || written < read || tail_seen_ % PacketPipe::kAlignment != 0;
  return !broken_ && head_ != tail_seen_;
}

std::optional<PacketRecord> PacketReader::next() {
  while (any()) {
    const uint32_t at = head_ & (capacity_ - 1), there = tail_seen_ - head_, to_end = capacity_ - at;
    const auto head = load_native<Head>(pipe_->bytes + at);
    if (head.size == kSkip && to_end <= there) {
      head_ += to_end;
      continue;
    }
    if (head.size > PacketPipe::kPacketMax || record_bytes(head.size) > there || record_bytes(head.size) > to_end) {
      broken_ = true;
      break;
    }
    head_ += record_bytes(head.size);
    return PacketRecord{{pipe_->bytes + at + sizeof(Head), head.size}, head.flags};
  }
  return std::nullopt;
}

void PacketReader::release() {
  if (released_ == head_) return;
  released_ = head_;
  pipe_->head.store(head_, std::memory_order_release);
}

bool PacketReader::empty() const {
  return broken_ || (head_ == tail_seen_ && pipe_->tail.load(std::memory_order_acquire) == head_);
}

}  // namespace cardea
