// A responder's HTTP reply, without I/O: bytes in, in whatever pieces they come, and the OCSP answer out. Bounded, of one
// shape: 200 with a body that is whole. A redirect is none: whoever stands between would choose whom we ask.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "l7/http/body.h"
#include "l7/http/head.h"
#include "l7/http/head_end.h"

namespace cardea::l7 {

class OcspReply {
 public:
  enum class State { kNeedMore, kDone, kBad };

  OcspReply();
  OcspReply(const OcspReply&) = delete;  // the head views the buffer

  std::span<char> room() { return std::span(buffer_).subspan(size_); }  // not empty while more is needed
  State take(size_t size);  // so many bytes came to room(); 0: the responder has closed
  std::string body;         // kDone
  std::string why;          // kBad

 private:
  State bad(std::string reason);
  State read_head();
  State read_body();
  State close();

  std::string buffer_;
  size_t size_ = 0, used_ = 0;
  http::HeadScan scan_;
  http::ResponseHead head_;
  http::BodyReader reader_{{}};
  bool in_body_ = false;
};

}  // namespace cardea::l7
