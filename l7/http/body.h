// A body of any framing as pieces of data: bytes in, data and the end out, no I/O, constant memory. The relay asks it
// what of its buffer is body, so that not a byte of the next message is sent with this one.
#pragma once

#include <string_view>

#include "l7/http/chunked.h"
#include "l7/http/framing.h"

namespace cardea::l7::http {

class BodyReader {
 public:
  explicit BodyReader(BodyFraming framing, Sender sender = Sender::kClient) : framing_(framing), chunks_(sender) {}

  // As ChunkedDecoder::next. A body of no bytes ends with the first call, even of no input.
  BodyStep next(std::string_view input);
  // The peer closed. False: in the middle of the body, so what was relayed is incomplete.
  bool close_is_end() const {
    return framing_.kind == BodyKind::kUntilClose || framing_.kind == BodyKind::kTunnel || at_end();
  }
  bool at_end() const;

 private:
  BodyFraming framing_;  // length: what is left
  ChunkedDecoder chunks_;
};

}  // namespace cardea::l7::http
