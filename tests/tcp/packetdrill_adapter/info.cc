// TCP_INFO and SO_MEMINFO: what the kernel tells of a connection, as far as it means something here. Whoever asks gets
// as many bytes as it asked for: packetdrill's own structure is newer than the headers of most hosts.
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cstring>

#include "l7/tcp/rooms.h"
#include "tests/tcp/packetdrill_adapter/machine.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::Connection;
using l7::tcp::Mending;
using l7::tcp::State;

uint8_t linux_state(State state) {
  static constexpr uint8_t kNumbers[] = {2, 3, 1, 4, 5, 8, 11, 9, 6, 7};  // of State, as the kernel counts them
  return kNumbers[size_t(state)];
}

uint8_t congestion_state(const Connection& c) {
  if (c.mending == Mending::kLoss) return 4;
  if (c.mending == Mending::kRecovery) return 3;
  if (c.ecn && l7::tcp::before(c.snd_una, c.ecn_end)) return 2;
  return c.scoreboard.sacked_count() > 0 || c.reno_sacked > 0 ? 1 : 0;
}

uint32_t microseconds(l7::tcp::Duration time) {
  return uint32_t(time / std::chrono::microseconds(1));
}

void count_segments(const l7::tcp::Resources& shared, const Connection& c, tcp_info& info) {
  for (uint32_t i = c.scoreboard.head(); i != l7::tcp::kNone; i = shared.segments[i].next) {
    const l7::tcp::Sent& sent = shared.segments[i];
    info.tcpi_unacked++;
    info.tcpi_sacked += sent.sacked;
    // As the kernel counts: what was held for lost stays so while it is under way again.
    info.tcpi_lost += sent.lost || (sent.retransmitted && !sent.sacked);
    info.tcpi_retrans += sent.retransmitted && !sent.lost && !sent.sacked;
  }
}

tcp_info info_of(const l7::tcp::Resources& shared, const Connection& c, Instant now) {
  tcp_info info{};
  const uint32_t mss = l7::tcp::send_mss(c);
  info.tcpi_state = linux_state(c.state);
  info.tcpi_ca_state = congestion_state(c);
  info.tcpi_backoff = uint8_t(c.rtt.backed_off());
  info.tcpi_options = uint8_t((c.timestamps ? TCPI_OPT_TIMESTAMPS : 0) | (c.sack ? TCPI_OPT_SACK : 0) |
                              (c.scaled ? TCPI_OPT_WSCALE : 0) | (c.ecn ? TCPI_OPT_ECN : 0));
  info.tcpi_snd_wscale = c.snd_scale & 15;
  info.tcpi_rcv_wscale = c.rcv_scale & 15;
  info.tcpi_rto = microseconds(c.rtt.timeout(shared.settings.rto));
  info.tcpi_snd_mss = mss;
  info.tcpi_rcv_mss = c.rcv_mss;
  info.tcpi_pmtu = c.path_mtu;
  info.tcpi_rtt = microseconds(c.rtt.smoothed());
  info.tcpi_rttvar = microseconds(c.rtt.variation());
  info.tcpi_min_rtt = microseconds(c.rtt.smallest());
  info.tcpi_snd_cwnd = c.window / mss;
  info.tcpi_snd_ssthresh = c.cubic.threshold() == UINT32_MAX ? 0x7fffffff : c.cubic.threshold() / mss;
  info.tcpi_bytes_acked = c.acknowledged;
  info.tcpi_bytes_received = uint32_t(c.received.next() - c.irs - 1);
  info.tcpi_snd_wnd = c.snd_wnd;
  info.tcpi_advmss = shared.settings.mtu - l7::tcp::headers_of(c);
  info.tcpi_probes = c.probes;
  info.tcpi_retransmits = c.retries;
  if (!c.last_received.never())
    info.tcpi_last_data_recv = uint32_t(c.last_received.since(now) / std::chrono::milliseconds(1));
  info.tcpi_notsent_bytes = c.unsent();
  count_segments(shared, c, info);
  return info;
}

}  // namespace

int Machine::fill_info(const Socket& s, void* value, socklen_t* size) {
  tcp_info info{};
  info.tcpi_state = s.listening ? 10 : 7;
  const Connection* c = connection_of(s);
  if (c) info = info_of(stack_->resources(), *c, now_);
  info.tcpi_advmss = std::min<uint32_t>(info.tcpi_advmss, s.mss_most);
  if (c && c->last_received.never() && s.opened)
    info.tcpi_last_data_recv = uint32_t((now_ - s.opened_at) / std::chrono::milliseconds(1));
  info.tcpi_busy_time = uint64_t(s.spent.busy / std::chrono::microseconds(1));
  info.tcpi_rwnd_limited = uint64_t(s.spent.by_window / std::chrono::microseconds(1));
  info.tcpi_sndbuf_limited = uint64_t(s.spent.by_buffer / std::chrono::microseconds(1));
  info.tcpi_segs_out = s.traffic.segments_out;
  info.tcpi_segs_in = s.traffic.segments_in;
  info.tcpi_data_segs_out = s.traffic.data_out;
  info.tcpi_data_segs_in = s.traffic.data_in;
  info.tcpi_bytes_sent = s.traffic.bytes_out;
  info.tcpi_bytes_retrans = s.traffic.bytes_again;
  info.tcpi_total_retrans = s.traffic.again;
  info.tcpi_delivered = s.traffic.delivered;
  info.tcpi_reordering = s.reordering.degree;
  info.tcpi_reord_seen = s.reordering.seen;
  std::memset(value, 0, *size);
  std::memcpy(value, &info, std::min<size_t>(*size, sizeof info));
  return 0;
}

int Machine::fill_memory(const Socket& s, void* value, socklen_t* size) {
  uint32_t numbers[SK_MEMINFO_VARS] = {};
  numbers[SK_MEMINFO_RCVBUF] = s.receive_buffer;
  numbers[SK_MEMINFO_SNDBUF] = s.send_buffer;
  *size = std::min<socklen_t>(*size, sizeof numbers);
  std::memcpy(value, numbers, *size);
  return 0;
}

}  // namespace cardea::packetdrill
