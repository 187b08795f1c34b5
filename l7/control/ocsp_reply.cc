#include "l7/control/ocsp_reply.h"

#include <fmt/format.h>

#include "l7/http/parse_head.h"
#include "l7/tls/staple.h"

namespace cardea::l7 {
namespace {

constexpr size_t kHeadMax = 8 * 1024;
constexpr size_t kChunkingMax = 4 * 1024;  // of a responder that cuts its body up although nobody asked for that

}  // namespace

OcspReply::OcspReply() : buffer_(kHeadMax + kChunkingMax + tls::kStapleBytesMax, '\0') {}

OcspReply::State OcspReply::bad(std::string reason) {
  why = std::move(reason);
  return State::kBad;
}

OcspReply::State OcspReply::take(size_t size) {
  if (size == 0) return close();
  size_ += size;
  State state = in_body_ ? State::kDone : read_head();
  if (state == State::kDone) state = read_body();
  if (state == State::kNeedMore && room().empty()) return bad("the responder's reply is larger than 44 KB");
  return state;
}

OcspReply::State OcspReply::read_head() {
  const http::HeadProgress progress =
      http::parse_response_head({buffer_.data(), size_}, {.bytes_max = kHeadMax}, scan_, head_);
  if (progress.bad()) return bad(fmt::format("the responder's reply is no HTTP: {}", http::explanation(progress.fault)));
  if (!progress.done()) return State::kNeedMore;
  if (head_.status != 200) return bad(fmt::format("the responder's reply has the status {}, not 200", head_.status));
  const auto framing = http::response_body(head_, http::Method::kPost);
  if (!framing) return bad(fmt::format("the responder's reply is no HTTP: {}", http::explanation(framing.error())));
  if (framing->kind == http::BodyKind::kLength && framing->length > tls::kStapleBytesMax)
    return bad("the answer is larger than 32 KB");
  reader_ = http::BodyReader(*framing, http::Sender::kBackend);
  used_ = progress.at;
  in_body_ = true;
  return State::kDone;
}

OcspReply::State OcspReply::read_body() {
  using Step = http::BodyStep::State;
  for (;;) {
    const http::BodyStep step = reader_.next({buffer_.data() + used_, size_ - used_});
    used_ += step.consumed;
    if (step.state == Step::kData) body += step.data;
    if (body.size() > tls::kStapleBytesMax) return bad("the answer is larger than 32 KB");
    if (step.state == Step::kEnd) return State::kDone;
    if (step.state == Step::kBad) return bad("the responder's reply is no HTTP");
    if (step.state == Step::kNeedMore) return State::kNeedMore;
  }
}

OcspReply::State OcspReply::close() {
  if (in_body_ && reader_.close_is_end()) return State::kDone;
  return bad("the responder closed the connection before its answer was whole");
}

}  // namespace cardea::l7
