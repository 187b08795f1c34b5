// br (RFC 7932) by libbrotlienc. It knows no second body for a state, so each has a state of its own in memory that is
// kept; and it gathers 64 KB before it compresses them all at once, so that it is flushed more often than that.
#include <brotli/encode.h>

#include <algorithm>
#include <bit>

#include "l7/compress/encoder.h"
#include "l7/compress/kept_memory.h"

namespace cardea::l7::compress {
namespace {

constexpr uint32_t kWindowBits = 18;  // a quarter of a megabyte: what more would find is seldom in one answer
constexpr uint64_t kHintMax = (1 << 20) - 1;  // from a megabyte on level 4 takes another 4

class Brotli final : public Encoder {
 public:
  explicit Brotli(uint8_t level) : level_(level) {}
  Brotli(const Brotli&) = delete;
  ~Brotli() override { end(); }

  bool begin(std::optional<uint64_t> length) override {
    end();
    state_ = BrotliEncoderCreateInstance(take, give, this);
    if (state_ == nullptr) return false;
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, level_);
    BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, window_for(length));
    if (length) BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT, uint32_t(std::min(*length, kHintMax)));
    gathered_ = 0;
    return true;
  }

  size_t turn_bytes() const override { return (level_ < 5 ? 16 : 8) * 1024; }
  size_t memory() const override { return memory_.bytes(); }

  Step step(std::string_view input, std::span<char> room, Until until) override {
    const bool full = until == Until::kMore && gathered_ + input.size() >= turn_bytes();
    const BrotliEncoderOperation operation = until == Until::kEnd                ? BROTLI_OPERATION_FINISH
                                             : full || until == Until::kFlushed ? BROTLI_OPERATION_FLUSH
                                                                                : BROTLI_OPERATION_PROCESS;
    size_t left = input.size(), free = room.size();
    auto* from = reinterpret_cast<const uint8_t*>(input.data());
    auto* to = reinterpret_cast<uint8_t*>(room.data());
    if (!BrotliEncoderCompressStream(state_, operation, &left, &from, &free, &to, nullptr)) return {State::kBroken};
    Step step{State::kNeedsRoom, input.size() - left, room.size() - free};
    gathered_ += step.taken;
    if (left != 0 || BrotliEncoderHasMoreOutput(state_)) return step;
    if (operation == BROTLI_OPERATION_FINISH && !BrotliEncoderIsFinished(state_)) return step;
    if (operation != BROTLI_OPERATION_PROCESS) gathered_ = 0;
    step.state = State::kDone;
    return step;
  }

 private:
  static void* take(void* of, size_t bytes) { return static_cast<Brotli*>(of)->memory_.take(bytes); }
  static void give(void* of, void* at) { static_cast<Brotli*>(of)->memory_.give(at); }

  static uint32_t window_for(std::optional<uint64_t> length) {
    if (!length) return kWindowBits;
    return std::clamp(uint32_t(std::bit_width(*length)), uint32_t(BROTLI_MIN_WINDOW_BITS), kWindowBits);
  }

  void end() {
    if (state_ != nullptr) BrotliEncoderDestroyInstance(state_);
    state_ = nullptr;
  }

  KeptMemory memory_;
  BrotliEncoderState* state_ = nullptr;
  size_t gathered_ = 0;
  const uint8_t level_;
};

}  // namespace

std::unique_ptr<Encoder> make_brotli(uint8_t level) {
  return std::make_unique<Brotli>(level);
}

}  // namespace cardea::l7::compress
