#include "l7/control/tcp_connections.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace cardea::l7 {
namespace {

using Json = nlohmann::ordered_json;

const char* word(tcp::State state) {
  switch (state) {
    case tcp::State::kSynSent:
      return "syn_sent";
    case tcp::State::kSynReceived:
      return "syn_received";
    case tcp::State::kEstablished:
      return "established";
    case tcp::State::kFinWait1:
      return "fin_wait_1";
    case tcp::State::kFinWait2:
      return "fin_wait_2";
    case tcp::State::kCloseWait:
      return "close_wait";
    case tcp::State::kClosing:
      return "closing";
    case tcp::State::kLastAck:
      return "last_ack";
    case tcp::State::kTimeWait:
      return "time_wait";
    case tcp::State::kClosed:
      return "closed";
  }
  return "closed";
}

// What a shard copies of a connection: texts are made elsewhere.
struct Copied {
  tcp::Tuple tuple;
  tcp::State state = tcp::State::kClosed;
  bool passive = false;
  std::chrono::nanoseconds rtt{}, variation{};
  uint32_t window = 0, in_flight = 0, unread = 0, unacknowledged = 0, peer_window = 0;
  uint16_t mss = 0;
  uint8_t retries = 0;
};

Copied copy_of(const tcp::Connection& c) {
  return {.tuple = c.tuple,
          .state = c.state,
          .passive = c.passive,
          .rtt = c.rtt.smoothed(),
          .variation = c.rtt.variation(),
          .window = c.window,
          .in_flight = c.in_flight(),
          .unread = c.received.readable(),
          .unacknowledged = c.written.size(),
          .peer_window = c.snd_wnd,
          .mss = c.peer_mss,
          .retries = c.retries};
}

double ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

Json row_of(const Copied& c, size_t shard) {
  return {{"state", word(c.state)},
          {"opened_by", c.passive ? "peer" : "us"},
          {"local", Endpoint{c.tuple.local, c.tuple.local_port}.text()},
          {"peer", Endpoint{c.tuple.remote, c.tuple.remote_port}.text()},
          {"shard", shard},
          {"rtt_ms", ms(c.rtt)},
          {"rtt_variation_ms", ms(c.variation)},
          {"cwnd_bytes", c.window},
          {"peer_window_bytes", c.peer_window},
          {"mss", c.mss},
          {"in_flight_bytes", c.in_flight},
          {"unacknowledged_bytes", c.unacknowledged},
          {"unread_bytes", c.unread},
          {"retransmissions_in_a_row", c.retries}};
}

struct Found {
  std::vector<Copied> rows;
  uint64_t total = 0;
};

std::shared_ptr<Found> of_shard(Running& running, size_t shard, std::optional<IpAddress> peer, size_t limit) {
  auto found = std::make_shared<Found>();
  const bool answered = running.ask(shard, [=](proxy::Shard& its) {
    const tcp::Stack* stack = its.door().stack_or_null();
    if (!stack) return;
    stack->each([&](const tcp::Connection& c) {
      if (peer && c.tuple.remote != *peer) return;
      ++found->total;
      if (found->rows.size() < limit) found->rows.push_back(copy_of(c));
    });
  });
  return answered ? found : std::make_shared<Found>();
}

}  // namespace

Json tcp_connections(Running& running, const std::string& peer, size_t limit) {
  const auto wanted = IpAddress::parse(peer);
  Json rows = Json::array();
  uint64_t total = 0;
  for (size_t shard = 0; shard < running.shards().size(); ++shard) {
    const auto found =
        of_shard(running, shard, wanted ? std::optional(*wanted) : std::nullopt, limit - rows.size());
    total += found->total;
    for (const Copied& one : found->rows) rows.push_back(row_of(one, shard));
  }
  return {{"connections", std::move(rows)}, {"total", total}};
}

}  // namespace cardea::l7
