// gzip (RFC 1952) by zlib, whose memory is the same for every body and is kept between two of them.
#include <zlib.h>

#include "l7/compress/encoder.h"

namespace cardea::l7::compress {
namespace {

constexpr int kWindowBits = 15, kGzipHead = 16, kMemoryLevel = 8;

int flush_of(Encoder::Until until) {
  return until == Encoder::Until::kMore ? Z_NO_FLUSH : until == Encoder::Until::kFlushed ? Z_SYNC_FLUSH : Z_FINISH;
}

class Gzip final : public Encoder {
 public:
  explicit Gzip(uint8_t level) : level_(level) {
    made_ = deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits + kGzipHead, kMemoryLevel, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  Gzip(const Gzip&) = delete;
  ~Gzip() override {
    if (made_) deflateEnd(&stream_);
  }

  bool made() const { return made_; }
  bool begin(std::optional<uint64_t>) override { return deflateReset(&stream_) == Z_OK; }
  size_t turn_bytes() const override { return (level_ < 6 ? 8 : level_ < 8 ? 4 : 2) * 1024; }
  // zconf.h: (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and a state of 6 KB.
  size_t memory() const override { return (1 << (kWindowBits + 2)) + (1 << (kMemoryLevel + 9)) + 6 * 1024; }

  Step step(std::string_view input, std::span<char> room, Until until) override {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = uInt(input.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = uInt(room.size());
    const int result = deflate(&stream_, flush_of(until));
    const Step step{State::kNeedsRoom, input.size() - stream_.avail_in, room.size() - stream_.avail_out};
    // Z_BUF_ERROR: there was nothing left to do.
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return {State::kBroken, step.taken, step.made};
    const bool all_out = until == Until::kEnd ? result == Z_STREAM_END : stream_.avail_out != 0;
    const bool done = stream_.avail_in == 0 && (all_out || until == Until::kMore);
    return {done ? State::kDone : State::kNeedsRoom, step.taken, step.made};
  }

 private:
  z_stream stream_{};
  uint8_t level_;
  bool made_;
};

}  // namespace

std::unique_ptr<Encoder> make_gzip(uint8_t level) {
  auto encoder = std::make_unique<Gzip>(level);
  if (!encoder->made()) return nullptr;
  return encoder;
}

}  // namespace cardea::l7::compress
