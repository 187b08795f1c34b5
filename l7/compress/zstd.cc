// zstd (RFC 8878) by libzstd. It compresses in blocks of up to 128 KB at once, so that it is flushed more often than that.
#include <zstd.h>

#include "l7/compress/encoder.h"

namespace cardea::l7::compress {
namespace {

constexpr int kWindowBits = 18;  // as for brotli; clients need not take more than 8 MB (RFC 8878 3.1.1.1.2)
constexpr uint8_t kLargeTables = 4;  // from here on a level's own are for windows of megabytes

ZSTD_EndDirective directive_of(Encoder::Until until) {
  return until == Encoder::Until::kMore ? ZSTD_e_continue : until == Encoder::Until::kFlushed ? ZSTD_e_flush : ZSTD_e_end;
}

class Zstd final : public Encoder {
 public:
  Zstd(ZSTD_CCtx* context, uint8_t level) : context_(context), level_(level) {
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, kWindowBits);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_contentSizeFlag, 0);
    if (level < kLargeTables) return;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_hashLog, kWindowBits);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_chainLog, kWindowBits);
  }
  Zstd(const Zstd&) = delete;
  ~Zstd() override { ZSTD_freeCCtx(context_); }

  // A known length makes its tables smaller, which are emptied for each body.
  bool begin(std::optional<uint64_t> length) override {
    gathered_ = 0;
    if (ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only))) return false;
    return !length || !ZSTD_isError(ZSTD_CCtx_setPledgedSrcSize(context_, *length));
  }

  size_t turn_bytes() const override { return (level_ < 4 ? 32 : level_ < 7 ? 16 : 8) * 1024; }
  size_t memory() const override { return ZSTD_sizeof_CCtx(context_); }

  Step step(std::string_view input, std::span<char> room, Until until) override {
    const bool full = until == Until::kMore && gathered_ + input.size() >= turn_bytes();
    const ZSTD_EndDirective directive = full ? ZSTD_e_flush : directive_of(until);
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    const size_t left = ZSTD_compressStream2(context_, &to, &from, directive);
    if (ZSTD_isError(left)) return {State::kBroken, from.pos, to.pos};
    gathered_ += from.pos;
    const bool done = from.pos == from.size && (directive == ZSTD_e_continue || left == 0);
    if (done && directive != ZSTD_e_continue) gathered_ = 0;
    return {done ? State::kDone : State::kNeedsRoom, from.pos, to.pos};
  }

 private:
  ZSTD_CCtx* context_;
  size_t gathered_ = 0;
  const uint8_t level_;
};

}  // namespace

std::unique_ptr<Encoder> make_zstd(uint8_t level) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  if (context == nullptr) return nullptr;
  return std::make_unique<Zstd>(context, level);
}

}  // namespace cardea::l7::compress
