// The filter between whatever an answer's body comes from (a backend, the cache, a file, the plan) and its client: it goes
// out compressed where the two heads and the route's settings say so (compress/choose.h), piece by piece as it comes, and
// nothing stays in the compressor while the source has nothing to say.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "l7/compress/choose.h"
#include "l7/compress/encoders.h"
#include "l7/http/edit.h"
#include "l7/http/framing.h"
#include "l7/http/head.h"
#include "l7/proxy/buffers.h"
#include "l7/proxy/failure.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

struct Compressing {
  compress::Choice choice;
  compress::Lease encoder;
  bool under_way = false;  // the body goes through the filter
  bool holds = false;      // something waits here that the client has not been sent
  std::string_view head;   // that goes before the first bytes
  Buffer out;
  size_t filled = 0;  // of `out`
  size_t spent = 0;   // taken since others had their turn

  bool coded() const { return choice.offer.has_value(); }
  std::string_view coding() const { return coded() ? compress::name(choice.offer->coding) : std::string_view(); }
};

// Of a final head that goes out with a body of this length, where it is known, and in this framing. Afterwards the head
// can be marked and the body, if there is one, has its compressor; where none could be had it goes out as it is.
void choose_coding(Exchange& exchange, const http::ResponseHead& head, std::optional<uint64_t> length, bool has_body);
void mark(const Compressing& compressing, http::ResponseEdit& edit);
// How an answer that comes in that framing goes out: compressed, its length is not known.
http::BodyFraming framing_out(const Exchange& exchange, http::BodyFraming framing);
// The same of an answer of ours.
http::BodyFraming frame_own(Exchange& exchange, http::BodyFraming framing);

// The body, as far as it is here, to the client as it takes it. The head goes with the first of it.
Task<Failure> compress_on(Exchange& exchange, std::span<const iovec> body, compress::Encoder::Until until);
// The same for all of it, out of memory that stays.
Task<Failure> send_compressed(Exchange& exchange, std::string_view head, std::span<const iovec> body);

}  // namespace cardea::l7::proxy
