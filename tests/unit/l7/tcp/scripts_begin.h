// Handshakes that rows begin with: a peer opens, MSS 1000, and a round trip is 100 ms, so that the first retransmission
// timeout is 300 ms and a tail is probed after 200 ms and, where one segment is out, after those 300 ms.
#pragma once

// With SACK, without timestamps.
#define BEGIN_SACK                                                    \
  "+0 listen\n"                                                       \
  "+0 < S 0:0(0) win 65535 <mss 1000,sackOK,nop,wscale 7>\n"          \
  "+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK,nop,wscale 5>\n"     \
  "+.1 < . 1:1(0) ack 1 win 512\n"                                    \
  "+0 told opened\n"

// With SACK and timestamps; segments carry 1000 bytes, too.
#define BEGIN_TIMESTAMPS                                              \
  "+0 listen\n"                                                       \
  "+0 < S 0:0(0) win 65535 <mss 1012,sackOK,TS 1000 0,nop,wscale 7>\n" \
  "+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,TS 0 1000,nop,wscale 5>\n"   \
  "+.1 < . 1:1(0) ack 1 win 512 <nop,nop,TS 1100 0>\n"                \
  "+0 told opened\n"

// Neither.
#define BEGIN_PLAIN                             \
  "+0 listen\n"                                 \
  "+0 < S 0:0(0) win 65535 <mss 1000>\n"        \
  "+0 > S. 0:0(0) ack 1 <mss 1460>\n"           \
  "+.1 < . 1:1(0) ack 1 win 65535\n"            \
  "+0 told opened\n"
