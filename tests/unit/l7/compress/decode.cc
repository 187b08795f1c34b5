#include "tests/unit/l7/compress/decode.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>

namespace cardea::l7::compress::test {
namespace {

constexpr size_t kRoom = 64 * 1024;

struct Decoded {
  std::string text;
  bool whole = false;
};

Decoded gunzip(std::string_view body) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = uInt(body.size());
  Decoded decoded;
  std::string room(kRoom, '\0');
  int result = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = kRoom;
    result = inflate(&stream, Z_NO_FLUSH);
    decoded.text.append(room, 0, kRoom - stream.avail_out);
  } while (result == Z_OK && (stream.avail_in != 0 || stream.avail_out == 0));
  decoded.whole = result == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  return decoded;
}

Decoded unbrotli(std::string_view body) {
  const std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance);
  auto* from = reinterpret_cast<const uint8_t*>(body.data());
  size_t left = body.size();
  Decoded decoded;
  std::string room(kRoom, '\0');
  BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
  while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
    auto* to = reinterpret_cast<uint8_t*>(room.data());
    size_t free = kRoom;
    result = BrotliDecoderDecompressStream(state.get(), &left, &from, &free, &to, nullptr);
    decoded.text.append(room, 0, kRoom - free);
  }
  decoded.whole = result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
  return decoded;
}

Decoded unzstd(std::string_view body) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  ZSTD_inBuffer from{body.data(), body.size(), 0};
  Decoded decoded;
  std::string room(kRoom, '\0');
  for (;;) {
    ZSTD_outBuffer to{room.data(), kRoom, 0};
    const size_t result = ZSTD_decompressStream(context.get(), &to, &from);
    decoded.text.append(room, 0, to.pos);
    decoded.whole = result == 0 && from.pos == from.size;
    if (ZSTD_isError(result) || result == 0 || (from.pos == from.size && to.pos < kRoom)) return decoded;
  }
}

Decoded read(Coding coding, std::string_view body) {
  return coding == Coding::kGzip ? gunzip(body) : coding == Coding::kBrotli ? unbrotli(body) : unzstd(body);
}

}  // namespace

std::optional<std::string> decode(Coding coding, std::string_view body) {
  Decoded decoded = read(coding, body);
  return decoded.whole ? std::optional(std::move(decoded.text)) : std::nullopt;
}

std::string decode_begun(Coding coding, std::string_view body) {
  return read(coding, body).text;
}

}  // namespace cardea::l7::compress::test
