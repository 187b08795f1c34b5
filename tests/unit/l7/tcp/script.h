// Packets in and out with their times, as text, played against one stack (in the spirit of packetdrill's language):
//
//   +0 listen                                        what the owner does: listen, connect, write N, read N, finish,
//   +0 < S 0:0(0) win 65535 <mss 1460,sackOK>          close, abort, nagle, nagle off
//   +0 full                                           from now on the wire takes nothing, until: free
//   +0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>    packets that have to leave, at that time to a few milliseconds
//   +.05 < . 1:1(0) ack 1 win 500                     packets that arrive
//   +0 < icmp too_big mtu 1200 seq 1                   so do errors about a segment of ours: too_big, unreachable
//   +0 told opened                                    what the owner is told: opened, readable, finished, reset,
//                                                       refused, timed_out, orderly, aborted, unreachable
//   +0 cwnd 10                                        in segments; also state, threshold, capacity, readable N, waits and each counter
//
// Times are relative to the line before. Sequence numbers are relative to the initial ones of either side; timestamps
// of ours are milliseconds since the script began. What leaves is compared in flags, numbers and length, and in window
// and options where they are given. Nothing else may leave: a packet that no line expects is a fault, at the end too,
// and for as long as a last line "+T end" says. Every script is played over IPv4 and IPv6, and with
// initial numbers of ours in each part of their space.
#pragma once

#include <functional>
#include <string>

#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {

struct Script {
  const char* name;
  const char* text;
  std::function<void(Settings&)> set = {};
  int only = 0;  // 4 or 6: the other family differs
};

// Empty when all came as written, else the line and what came instead.
std::string play(const Script& script, Family family);

}  // namespace cardea::l7::tcp
