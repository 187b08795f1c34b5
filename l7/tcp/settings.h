// What a stack is told at start: sizes of everything that it lends, and the times of the protocol. Defaults are Linux'
// where peers have come to rely on them, and the RFC's otherwise.
#pragma once

#include "base/flow_hash.h"
#include "l7/tcp/round_trip.h"

namespace cardea::l7::tcp {

struct Settings {
  // Keys from the kernel's random source, one each: whoever knows one can forge or aim (RFC 6528).
  HashKey table_key, isn_key, timestamp_key, cookie_key;

  uint32_t connections = 1024;  // all states; a multiple costs 512 bytes each
  uint32_t half_open = 256;     // of them at most, before SYN cookies answer (RFC 4987)
  uint32_t time_waits = 1024;   // remembered behind connections that ended; 72 bytes each
  uint32_t listeners = 64;
  uint32_t segments = 16384;  // sent and not acknowledged, all connections'
  uint32_t pieces = 4096;     // lent by writers and not acknowledged
  uint32_t blocks = 4096;     // of 2 KB, received and not read
  uint32_t arrivals = 256;    // connections with a gap at a time
  uint32_t replies = 64;      // of no connection's, waiting to leave

  uint16_t mtu = 1500;
  uint16_t mss_floor = 216;         // whatever a peer says (CVE-2019-11477 and its kin)
  uint32_t receive_window = 65535;  // at first
  uint32_t receive_window_max = 1 << 20;
  uint32_t send_queue_max = 1 << 20;  // written and not acknowledged, a connection
  uint32_t initial_segments = 10;     // RFC 6928
  bool timestamps = true, sack = true, window_scale = true;
  bool ecn = false;                // asked for when dialling; peers that ask always get it
  bool restart_after_idle = true;  // toward peers that dialled (RFC 5681 4.1); a backend's path is short and our own

  RtoLimits rto;
  Duration delayed_ack = std::chrono::milliseconds(40);
  Duration challenge_interval = std::chrono::milliseconds(500);  // RFC 5961 7, a connection
  Duration time_wait = std::chrono::seconds(60);
  Duration fin_wait_2 = std::chrono::seconds(60);      // without an owner
  Duration probe_ceiling = std::chrono::seconds(120);  // between probes of a closed window
  unsigned syn_retries = 6, syn_ack_retries = 5;
  unsigned data_retries = 15, orphan_retries = 8;

  Duration keep_alive_idle{0};  // zero: none are sent
  Duration keep_alive_interval = std::chrono::seconds(75);
  unsigned keep_alive_probes = 9;
};

}  // namespace cardea::l7::tcp
