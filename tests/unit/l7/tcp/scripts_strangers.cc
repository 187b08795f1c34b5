// What strangers may make, and what is old (RFC 5961, RFC 7323 5).
#include "tests/unit/l7/tcp/scripts.h"
#include "tests/unit/l7/tcp/scripts_begin.h"

namespace cardea::l7::tcp {

const std::vector<Script> kStrangers = {
    {"a reset beside the next number is challenged, once in half a second",
     BEGIN_SACK
     "+0 < R 100:100(0)\n"
     "+0 > . 1:1(0) ack 1\n"
     "+.1 < R 200:200(0)\n"
     "+.2 < R 300:300(0)\n"
     "+.3 < R 400:400(0)\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 state ESTABLISHED\n"
     "+0 challenges 2\n"},
    {"a reset outside of the window is nothing",
     BEGIN_SACK
     "+0 < R 200000:200000(0)\n"
     "+0 state ESTABLISHED\n"
     "+0 end\n"},
    {"a SYN on a connection is challenged, whatever its number",
     BEGIN_SACK
     "+0 < S 1:1(0) win 5000\n"
     "+0 > . 1:1(0) ack 1\n"
     "+1 < S 500000:500000(0) win 5000\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 state ESTABLISHED\n"},
    {"a rebooted peer answers the challenge by a reset that counts",
     BEGIN_SACK
     "+0 < S 70000:70000(0) win 5000 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+.1 < R 1:1(0)\n"
     "+0 told reset\n"
     "+1 < S 70000:70000(0) win 5000 <mss 1000>\n"
     "+0 > S. 300000:300000(0) ack 70001\n"},
    {"an acknowledgement of what was never sent moves nothing",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 2001 win 512\n"
     "+0 > . 1001:1001(0) ack 1\n"
     "+0 in_flight 1000\n"},
    {"an acknowledgement older than any window is challenged, and its data not taken",
     BEGIN_PLAIN
     "+0 < P. 1:11(10) ack 4294800000 win 5000\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 readable 0\n"},
    {"data without ACK is dropped",
     BEGIN_SACK
     "+0 < P 1:11(10)\n"
     "+0 readable 0\n"
     "+0 end\n"},
    {"what has an older timestamp is not taken, but answered",
     BEGIN_TIMESTAMPS
     "+0 < P. 1:11(10) ack 1 win 512 <nop,nop,TS 1099 0>\n"
     "+0 > . 1:1(0) ack 1 win 2048 <nop,nop,TS 100 1100>\n"
     "+0 readable 0\n"
     "+0 < P. 1:11(10) ack 1 win 512 <nop,nop,TS 1100 0>\n"
     "+0 > . 1:1(0) ack 11\n"
     "+0 readable 10\n"},
    {"a delayed acknowledgement echoes the first segment's timestamp",
     BEGIN_TIMESTAMPS
     "+0 < P. 1:11(10) ack 1 win 512 <nop,nop,TS 1100 0>\n"
     "+0 > . 1:1(0) ack 11 win 2048 <nop,nop,TS 100 1100>\n"
     "+0 write 10\n"
     "+0 > P. 1:11(10) ack 11\n"
     "+.1 < P. 11:21(10) ack 11 win 512 <nop,nop,TS 1200 100>\n"
     "+.01 < P. 21:31(10) ack 11 win 512 <nop,nop,TS 1210 100>\n"
     "+.03 > . 11:11(0) ack 31 win 2048 <nop,nop,TS 240 1200>\n"},
    {"no connection: a reset for what acknowledges",
     "+0 < . 5:5(0) ack 77 win 100\n"
     "+0 > R 77:77(0)\n"
     "+0 connections 0\n"},
    {"a listener answers neither resets nor SYN with FIN",
     "+0 listen\n"
     "+0 < R 0:0(0)\n"
     "+0 < SF 0:0(0) win 5000\n"
     "+0 < F 0:0(0) win 5000\n"
     "+0 connections 0\n"
     "+1 end\n"},
    {"a full table of half-open connections drops SYNs",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 end\n",
     [](Settings& s) { s.half_open = 0; }},
    {"a SACK of what was never sent is not believed",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 2001:3001,nop>\n"
     "+0 in_flight 2000\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1501:1001>\n"
     "+0 in_flight 2000\n"},
};

}  // namespace cardea::l7::tcp
