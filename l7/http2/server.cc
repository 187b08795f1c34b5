#include "l7/http2/server.h"

#include <algorithm>

#include "l7/proxy/record.h"

namespace cardea::l7::http2 {
namespace {

constexpr std::chrono::seconds kHearing{1};  // how long a client may take to hear that the connection will end

}  // namespace

Server::Server(proxy::Connection& of)
    : connection(of),
      session(of.loop()),
      changed(of.loop()),
      began(of.loop().now()),
      idle_since(began),
      calls(of.loop()) {
  session.open(server_callbacks(), this, kCallsMax);
  connection.occupant = this;
  if (connection.service().gone) leave();
}

Server::~Server() {
  connection.occupant = nullptr;
}

void Server::leave() {
  if (leaving != Leaving::kNo) return;
  leaving = Leaving::kAnnounced;
  announced = loop().now();
  session.announce_end();
  renew_deadline();
}

void Server::leave_for_good() {
  if (leaving == Leaving::kForGood) return;
  leaving = Leaving::kForGood;
  session.end_new_streams();
}

void Server::call_ended() {
  if (--calls_live == 0) idle_since = loop().now();
  changed.raise();
  if (!ended) renew_deadline();
}

void Server::renew_deadline() {
  IoSlot& reading = connection.stream().slot(Direction::kRead);
  if (reading.busy()) reading.renew(deadline());
}

Instant Server::deadline() const {
  const ServicePlan& plan = *connection.service().now().plan;
  Instant first = kNever;
  if (!saw_settings) first = began + plan.request_timeout;
  if (block_open) first = std::min(first, block_since + plan.request_timeout);
  if (leaving == Leaving::kAnnounced) first = std::min(first, announced + kHearing);
  if (calls_live == 0 && leaving != Leaving::kForGood) first = std::min(first, idle_since + plan.idle_timeout);
  return first;
}

void Server::flooded(std::string_view what) {
  if (!flood.empty()) return;
  flood = what;
  count(connection.shard(), connection.service().now().plan->rows.http2_floods);
  session.terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Server::start_calls() {
  for (std::unique_ptr<Call>& call : begun) calls.start(run, std::move(call));
  begun.clear();
}

void Server::break_calls() {
  while (Call* call = live.pop_front()) call->stream.session_closed(NGHTTP2_CANCEL);
  begun.clear();
}

}  // namespace cardea::l7::http2
