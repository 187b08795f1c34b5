#include "l7/proxy/read_proxy_header.h"

#include <cerrno>

#include "l7/proxy/read_first.h"
#include "l7/proxy/record.h"

namespace cardea::l7::proxy {
namespace {

// With room for certificates' names and tokens that load balancers may send along.
constexpr size_t kHeaderMax = Buffers::kPiece;

void log_refusal(Connection& c, std::string_view why, Instant began) {
  const ShardPlanPointer plan = c.service().plan;
  const ServicePlan& service = *c.service().now().plan;
  count(c.shard(), service.rows.proxy_refused);
  Record record = begin_record(c, service, plan->plan->generation);
  record.protocol = "proxy";
  record.reason = word(Reason::kBadProxyHeader);
  record.detail = why;
  record.began = began;
  record.ended = c.loop().now();
  write_line(c.shard(), record);
}

// A header that is longer than its buffer goes on in a larger one. False: there is none.
bool make_room(Connection& c) {
  return !c.input.full() || c.input.move_to(c.shard().buffers().take_for_new(kHeaderMax));
}

std::string_view word(const IoResult& got) {
  if (got.error == ENOMEM) return "memory";
  return got.status == IoStatus::kTimeout ? "timeout" : "closed";
}

// Reads until the header is whole. The word why it never was; empty: it is.
Task<std::string_view> read_whole(Arena&, Connection& c, ProxyHeader& header, Instant deadline) {
  UnfinishedHead unfinished(c.socket());
  c.shard().add_unfinished(unfinished);
  for (;;) {
    const ProxyReading reading = cardea::read_proxy_header(c.input.left(), header);
    if (reading.state == ProxyReading::State::kBad) co_return word(reading.fault);
    if (reading.state == ProxyReading::State::kDone) {
      c.input.at += reading.size;
      co_return std::string_view();
    }
    if (reading.size > kHeaderMax) co_return "proxy_header_too_long";
    if (unfinished.gives_way || !make_room(c)) co_return "memory";
    const IoResult got = co_await c.socket().read(c.input.room(), deadline);
    c.input.end += got.bytes;
    if (!got.ok() && !unfinished.gives_way) co_return word(got);
  }
}

Task<std::string_view> read_header(Arena& arena, Connection& c, ProxyHeader& header, Instant deadline) {
  const IoResult first = co_await read_first(arena, c, deadline);
  if (!first.ok()) co_return word(first);
  const std::string_view why = co_await read_whole(arena, c, header, deadline);
  co_return why;
}

}  // namespace

Task<bool> read_proxy_header(Arena& arena, Connection& c, Instant deadline) {
  const Instant began = c.loop().now();
  ProxyHeader header;
  const std::string_view why = co_await read_header(arena, c, header, deadline);
  const bool spoke = c.input.end != 0;
  bool welcome = why.empty();
  if (!welcome && (spoke || why != "closed")) log_refusal(c, why, began);
  if (welcome && !c.introduce(header)) welcome = false;
  if (!welcome) c.socket().close(Close::kReset);
  if (!welcome || c.input.empty()) c.input.drop();
  co_return welcome;
}

}  // namespace cardea::l7::proxy
