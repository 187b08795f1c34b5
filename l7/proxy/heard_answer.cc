#include "l7/proxy/heard_answer.h"

#include <fmt/format.h>

namespace cardea::l7::proxy {

void HeardAnswer::hear(const http::ResponseHead& head, const http::ConnectionOptions& options, Instant now) {
  status_ = head.status;
  heard_at_ = now;
  if (keep_ == Keep::kNothing) return;
  head_ = fmt::format("HTTP/1.1 {} \r\n", head.status);
  for (const http::Header& header : head.headers)
    if (!http::is_hop_by_hop(header, options))
      head_.append(header.name()).append(": ").append(header.value()).append("\r\n");
  head_.append("\r\n");
}

void HeardAnswer::hear_body(std::span<const iovec> pieces, Instant now) {
  if (keep_ == Keep::kNothing && now > heard_at_ + kBodyTime) too_long_ = true;
  for (const iovec& piece : pieces) {
    if (too_long_) return;
    body_bytes_ += piece.iov_len;
    too_long_ = body_bytes_ > kBodyMax;
    if (!too_long_ && keep_ == Keep::kAll) body_.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  }
  if (too_long_) body_.clear();
}

}  // namespace cardea::l7::proxy
