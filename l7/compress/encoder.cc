#include "l7/compress/encoder.h"

namespace cardea::l7::compress {

// Measured with bodies of 1 byte to 3 MB, rounded up (encoder_test.cc).
size_t memory_max(Coding coding, uint8_t level) {
  constexpr uint16_t kBrotliKilobytes[] = {208, 1088, 1088, 1472, 1920, 2944};
  constexpr uint16_t kZstdKilobytes[] = {1152, 1344, 1856, 3200, 2688, 2688, 2688, 2688, 2688};
  if (coding == Coding::kGzip) return 264 * 1024;
  return (coding == Coding::kBrotli ? kBrotliKilobytes : kZstdKilobytes)[level - 1] * size_t{1024};
}

std::unique_ptr<Encoder> make_encoder(Coding coding, uint8_t level) {
  switch (coding) {
    case Coding::kGzip:
      return make_gzip(level);
    case Coding::kBrotli:
      return make_brotli(level);
    case Coding::kZstd:
      return make_zstd(level);
  }
  return nullptr;
}

}  // namespace cardea::l7::compress
