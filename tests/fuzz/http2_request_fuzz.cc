// Any header block as a client's: what becomes text of HTTP/1 is one request to its strict reader, to the last byte, with
// no line that was not a field, for the host that the block named. First byte: whether the stream ends with it.
#include <nghttp2/nghttp2.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "l7/http/framing.h"
#include "l7/http/parse_head.h"
#include "l7/http2/request_text.h"
#include "l7/proxy/buffers.h"

using namespace cardea::l7;

namespace {

constexpr size_t kHeadMax = 16384;

// False: no header block.
bool inflate(std::string_view bytes, http2::HeaderBlock& block) {
  nghttp2_hd_inflater* inflater = nullptr;
  CHECK(nghttp2_hd_inflate_new(&inflater) == 0);
  bool sound = true;
  for (int flags = 0; sound && !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
    nghttp2_nv field;
    const auto* at = reinterpret_cast<const uint8_t*>(bytes.data());
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, at, bytes.size(), 1);
    sound = used >= 0 && (used > 0 || flags != 0);
    if (!sound) break;
    bytes.remove_prefix(size_t(used));
    const auto text = [](const uint8_t* from, size_t size) {
      return std::string_view(reinterpret_cast<const char*>(from), size);
    };
    if (flags & NGHTTP2_HD_INFLATE_EMIT) block.add(text(field.name, field.namelen), text(field.value, field.valuelen));
  }
  nghttp2_hd_inflate_del(inflater);
  return sound && !block.too_large();
}

size_t lines_of(std::string_view text) {
  size_t lines = 0;
  for (const char c : text) lines += c == '\n';
  return lines;
}

void check(const http2::HeaderBlock& block, bool ended) {
  std::vector<char> room(http2::request_text_max(block));
  const auto text = http2::write_request_text(room, block, ended);
  if (!text) {
    CHECK(text.error() != http::Fault::kHeadTooLarge, "the room was not enough");
    return;
  }
  http::HeadScan scan;
  http::RequestHead head;
  const http::HeadProgress progress = http::parse_request_head(*text, {.bytes_max = text->size()}, scan, head);
  CHECK(progress.done() || progress.bad(), "the text is not a whole head");
  CHECK(lines_of(*text) <= block.size() + 5, "a field became two lines");
  if (!progress.done()) return;
  CHECK(progress.at == text->size(), "something is left behind the head");
  const auto body = http::request_body(head);
  if (body && !ended) CHECK(*body != http::BodyFraming{}, "a body that is to come has no end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  static proxy::BufferBound bound(16 << 20);
  static proxy::Buffers buffers(bound);
  static http2::HeaderBlock block(buffers, http2::HeaderBlock::From::kClient);
  block.begin(kHeadMax);
  if (inflate({reinterpret_cast<const char*>(data + 1), size - 1}, block)) check(block, data[0] & 1);
  return 0;
}
