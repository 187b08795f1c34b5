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
    {"with all half-open places taken a SYN is answered without memory, options included",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1400,sackOK,TS 700 0,nop,wscale 7>\n"
     "+0 > S. 0:0(0) ack 1 win 65535\n"
     "+5 connections 0\n"
     "+0 < P. 1:101(100) ack 1 win 512 <nop,nop,TS 800 echo>\n"
     "+0 > . 1:1(0) ack 101 win 2045 <nop,nop,TS 5000 800>\n"
     "+0 told opened\n"
     "+0 read 100\n"
     "+0 write 20000\n"
     "+0 > . 1:1369(1368) ack 101\n"  // 1380 of the four sizes that a cookie tells
     "+0 > . 1369:2737(1368) ack 101\n"
     "+0 > . 2737:4105(1368) ack 101\n"
     "+0 > . 4105:5473(1368) ack 101\n"
     "+0 > . 5473:6841(1368) ack 101\n"
     "+0 > . 6841:8209(1368) ack 101\n"
     "+0 > . 8209:9577(1368) ack 101\n"
     "+0 > . 9577:10945(1368) ack 101\n"
     "+0 > . 10945:12313(1368) ack 101\n"
     "+0 > . 12313:13681(1368) ack 101\n"
     "+.1 < . 101:101(0) ack 13681 win 512 <nop,nop,TS 900 5000>\n"
     "+0 > . 13681:15049(1368) ack 101\n"
     "+0 > . 15049:16417(1368) ack 101\n"
     "+0 > . 16417:17785(1368) ack 101\n"
     "+0 > . 17785:19153(1368) ack 101\n"
     "+0 > P. 19153:20001(848) ack 101\n",
     [](Settings& s) { s.half_open = 0; }},
    {"a cookie without timestamps means no SACK and no scale",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1000,sackOK,nop,wscale 7>\n"
     "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>\n"
     "+.1 < . 1:1(0) ack 1 win 1000\n"
     "+0 told opened\n"
     "+0 write 1000\n"
     "+0 > . 1:537(536) ack 1\n"
     "+0 > P. 537:1001(464) ack 1\n",
     [](Settings& s) { s.half_open = 0; },
     4},
    {"a cookie that is none is refused",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1000>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 2 win 1000\n"
     "+0 > R 2:2(0)\n"
     "+0 < . 2:2(0) ack 1 win 1000\n"
     "+0 > R 1:1(0)\n"
     "+0 connections 0\n",
     [](Settings& s) { s.half_open = 0; }},
    {"an old cookie is refused",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1000>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+127 < . 1:1(0) ack 1 win 1000\n"
     "+0 > R 1:1(0)\n"
     "+0 connections 0\n",
     [](Settings& s) { s.half_open = 0; }},
    {"a path that takes less: sent again in smaller pieces, and the window stays",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 told opened\n"
     "+0 write 2920\n"
     "+0 > . 1:1461(1460) ack 1\n"
     "+0 > P. 1461:2921(1460) ack 1\n"
     "+.01 < icmp too_big mtu 1000 seq 1\n"
     "+0 > . 1:961(960) ack 1\n"
     "+0 > . 961:1461(500) ack 1\n"
     "+0 > . 1461:2421(960) ack 1\n"
     "+0 > P. 2421:2921(500) ack 1\n"
     "+0 cwnd 15\n"  // 10 of the larger ones
     "+.1 < . 1:1(0) ack 2921 win 65535\n"
     "+0 write 1000\n"
     "+0 > . 2921:3881(960) ack 1\n"
     "+0 > P. 3881:3921(40) ack 1\n"
     "+.1 < . 1:1(0) ack 3921 win 65535\n"
     "+601 write 1460\n"  // wide again?
     "+0 > P. 3921:5381(1460) ack 1\n",
     {},
     4},
    {"a path that takes less: nothing that arrives undoes it, and a loss behind it is one",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS 1000 0>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535 <nop,nop,TS 1100 0>\n"
     "+0 told opened\n"
     "+0 write 100\n"
     "+0 > P. 1:101(100) ack 1\n"
     "+0 write 1448\n"
     "+0 > P. 101:1549(1448) ack 1\n"
     "+.01 < icmp too_big mtu 1000 seq 101\n"
     "+0 > . 101:1049(948) ack 1\n"
     "+0 > P. 1049:1549(500) ack 1\n"
     "+.05 < . 1:1(0) ack 101 win 65535 <nop,nop,TS 1200 100>\n"
     "+0 undone 0\n"
     "+.295 > . 101:1049(948) ack 1\n"
     "+0 threshold 10\n",
     {},
     4},
    {"a path that swallows what is large in silence: the second time it gets smaller pieces, the fourth the smallest",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 told opened\n"
     "+0 write 1460\n"
     "+0 > P. 1:1461(1460) ack 1\n"
     "+.3 > P. 1:1461(1460) ack 1\n"  // as a tail
     "+.3 > P. 1:1461(1460) ack 1\n"
     "+.6 > . 1:1161(1160) ack 1\n"
     "+0 black_holes 1\n"
     "+1.2 > . 1:1161(1160) ack 1\n"
     "+2.4 > . 1:513(512) ack 1\n"
     "+0 black_holes 2\n"
     "+.1 < . 1:1(0) ack 513 win 65535\n"
     "+0 > . 513:1025(512) ack 1\n"
     "+0 > . 1025:1161(136) ack 1\n"
     "+0 > P. 1161:1461(300) ack 1\n"
     "+.1 < . 1:1(0) ack 1461 win 65535\n"
     "+0 write 1000\n"
     "+0 > . 1461:1973(512) ack 1\n"
     "+0 > P. 1973:2461(488) ack 1\n"
     "+.1 < . 1:1(0) ack 2461 win 65535\n"
     "+601 write 1460\n"  // wide again?
     "+0 > P. 2461:3921(1460) ack 1\n",
     {},
     4},
    {"IPv6 is never narrower than 1280",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 told opened\n"
     "+0 write 1460\n"
     "+0 > P. 1:1461(1460) ack 1\n"
     "+.3 > P. 1:1461(1460) ack 1\n"
     "+.3 > P. 1:1461(1460) ack 1\n"
     "+.6 > . 1:1221(1220) ack 1\n"
     "+1.2 > . 1:1221(1220) ack 1\n"
     "+2.4 > . 1:1221(1220) ack 1\n"
     "+0 black_holes 1\n",
     {},
     6},
    {"what is small is not swallowed for its size",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+.6 > P. 1:1001(1000) ack 1\n"
     "+0 black_holes 0\n"},
    {"nobody makes a path narrow who does not know what is under way",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+0 < icmp too_big mtu 576 seq 5000\n"
     "+.1 < . 1:1(0) ack 1001 win 512\n"
     "+0 < icmp too_big mtu 576 seq 1\n"  // acknowledged meanwhile
     "+0 write 1000\n"
     "+0 > P. 1001:2001(1000) ack 1\n"},
    {"nobody makes a path narrower than it can be",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+0 < icmp too_big mtu 68 seq 1\n"
     "+0 > . 1:513(512) ack 1\n"
     "+0 > P. 513:1001(488) ack 1\n",
     {},
     4},
    {"unreachable ends a dial",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < icmp unreachable seq 0\n"
     "+0 told unreachable\n"},
    {"unreachable ends no connection",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.1 < icmp unreachable seq 1\n"
     "+0 state ESTABLISHED\n"
     "+.1 < . 1:1(0) ack 1001 win 512\n"},
    {"ECN: a mark is told until the peer says that it slowed down",
     "+0 listen\n"
     "+0 < SEW 0:0(0) win 65535 <mss 1000,sackOK>\n"
     "+0 > SE. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 < . 1:1001(1000) ack 1 win 65535 ecn 3\n"
     "+0 > E. 1:1(0) ack 1001\n"
     "+0 < . 1001:2001(1000) ack 1 win 65535 ecn 2\n"
     "+0 > E. 1:1(0) ack 2001\n"
     "+0 < W. 2001:3001(1000) ack 1 win 65535 ecn 2\n"
     "+0 > . 1:1(0) ack 3001\n"},
    {"ECN: slower once a round trip, and said so",
     "+0 listen\n"
     "+0 < SEW 0:0(0) win 65535 <mss 1000,sackOK>\n"
     "+0 > SE. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 told opened\n"
     "+0 write 3000\n"
     "+0 > . 1:1001(1000) ack 1 ecn 2\n"
     "+0 > . 1001:2001(1000) ack 1 ecn 2\n"
     "+0 > P. 2001:3001(1000) ack 1 ecn 2\n"
     "+.1 < E. 1:1(0) ack 1001 win 65535\n"
     "+0 cwnd 7\n"
     "+0 < E. 1:1(0) ack 2001 win 65535\n"
     "+0 cwnd 7\n"
     "+0 write 1000\n"
     "+0 > PW. 3001:4001(1000) ack 1 ecn 2\n"},
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
