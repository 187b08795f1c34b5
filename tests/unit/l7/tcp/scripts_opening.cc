// How connections begin (RFC 9293 3.5, 3.10.7).
#include "tests/unit/l7/tcp/scripts.h"
#include "tests/unit/l7/tcp/scripts_begin.h"

namespace cardea::l7::tcp {

const std::vector<Script> kHandshakes = {
    {"a peer opens, all options",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS 700 0,nop,wscale 7>\n"
     "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,TS 0 700,nop,wscale 5>\n"
     "+.1 < . 1:1(0) ack 1 win 512 <nop,nop,TS 800 0>\n"
     "+0 told opened\n"
     "+0 state ESTABLISHED\n"
     "+0 cwnd 10\n"
     "+0 end\n"},
    {"a peer that says no segment size takes 536 (RFC 9293 3.7.1)",
     "+0 listen\n"
     "+0 < S 0:0(0) win 2000\n"
     "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>\n"
     "+.1 < . 1:1(0) ack 1 win 2000\n"
     "+0 write 600\n"
     "+0 > . 1:537(536) ack 1 win 65535 <>\n"
     "+0 > P. 537:601(64) ack 1\n",
     {},
     4},
    {"a peer that says no segment size takes 1220 over IPv6",
     "+0 listen\n"
     "+0 < S 0:0(0) win 2000\n"
     "+0 > S. 0:0(0) ack 1 win 65535 <mss 1460>\n"
     "+.1 < . 1:1(0) ack 1 win 2000\n"
     "+0 write 1300\n"
     "+0 > . 1:1221(1220) ack 1 win 65535 <>\n"
     "+0 > P. 1221:1301(80) ack 1\n",
     {},
     6},
    {"a tiny segment size is not believed",
     "+0 listen\n"
     "+0 < S 0:0(0) win 2000 <mss 1>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 2000\n"
     "+0 write 300\n"
     "+0 > . 1:217(216) ack 1\n"
     "+0 > P. 217:301(84) ack 1\n"},
    {"options that the owner turned off are not offered",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460,sackOK,TS 700 0,nop,wscale 7>\n"
     "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
     "+.1 < . 1:1(0) ack 1 win 5000\n"
     "+0 end\n",
     [](Settings& s) { s.sack = s.timestamps = s.window_scale = false; }},
    {"the answer to a SYN comes again after 1, 2 and 4 s, then it is over",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
     "+1 > S. 0:0(0) ack 1 <mss 1460>\n"
     "+2 > S. 0:0(0) ack 1 <mss 1460>\n"
     "+4 > S. 0:0(0) ack 1 <mss 1460>\n"
     "+8.01 connections 0\n"
     "+100 end\n",
     [](Settings& s) { s.syn_ack_retries = 3; }},
    {"a SYN that comes again gets the same answer at once",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.2 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 5000\n"
     "+0 told opened\n"
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+1 > P. 1:1001(1000) ack 1\n"},  // which of the two was acknowledged is not known: no round trip (Karn)
    {"data and FIN in the segment that ends the handshake",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < FP. 1:101(100) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 102\n"
     "+0 told opened\n"
     "+0 told finished\n"
     "+0 readable 100\n"
     "+0 read 100\n"},
    {"an acknowledgement of another SYN|ACK gets a reset, and the handshake goes on",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 7 win 5000\n"
     "+0 > R 7:7(0)\n"
     "+.1 < . 1:1(0) ack 1 win 5000\n"
     "+0 told opened\n"},
    {"a reset ends a handshake without a word to the owner",
     "+0 listen\n"
     "+0 < S 0:0(0) win 65535 <mss 1460>\n"
     "+0 > S. 0:0(0) ack 1\n"
     "+.1 < R 1:1(0)\n"
     "+0 connections 0\n"
     "+5 end\n"},
    {"we open",
     "+0 connect\n"
     "+0 > S 0:0(0) win 65535 <mss 1460,sackOK,TS 0 0,nop,wscale 5>\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1400,sackOK,TS 50 0,nop,wscale 7>\n"
     "+0 > . 1:1(0) ack 1 win 2048 <nop,nop,TS 100 50>\n"
     "+0 told opened\n"},
    {"what is written before the answer leaves with it",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+0 write 300\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1400>\n"
     "+0 > P. 1:301(300) ack 1\n"},
    {"nobody answers: after 1, 3 and 7 s, then it is given up",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+1 > S 0:0(0)\n"
     "+2 > S 0:0(0)\n"
     "+4.01 told timed_out\n"
     "+100 end\n",
     [](Settings& s) { s.syn_retries = 2; }},
    {"a SYN that was repeated begins with one segment and 3 s",
     "+0 connect\n"
     "+0 > S 0:0(0) win 65535 <mss 1460>\n"
     "+1 > S 0:0(0)\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 cwnd 1\n"
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+3 > P. 1:1001(1000) ack 1\n",
     [](Settings& s) { s.sack = s.timestamps = s.window_scale = false; }},
    {"refused",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < R. 0:0(0) ack 1 win 0\n"
     "+0 told refused\n"
     "+5 end\n"},
    {"a reset that does not acknowledge our SYN is nobody's",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < R 0:0(0)\n"
     "+0 < R. 0:0(0) ack 9 win 0\n"
     "+0 state SYN-SENT\n"},
    {"an acknowledgement of what we never sent gets a reset",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < . 5:5(0) ack 400 win 0\n"
     "+0 > R 400:400(0)\n"
     "+0 > S 0:0(0)\n"  // at once, once: the reset has ended what the peer still had
     "+.1 < . 5:5(0) ack 400 win 0\n"
     "+0 > R 400:400(0)\n"
     "+0 state SYN-SENT\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 cwnd 10\n"},
    {"data beside a SYN|ACK begins behind it",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < FS. 0:100(100) ack 1 win 65535 <mss 1000>\n"
     "+0 > . 1:1(0) ack 102\n"
     "+0 told finished\n"
     "+0 read 100\n"},
    {"a window that is shut from the beginning is asked about",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+0 write 300\n"
     "+.1 < S. 0:0(0) ack 1 win 0 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+.3 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 1000\n"
     "+0 > P. 1:301(300) ack 1\n"},
    {"both dial at once",
     "+0 connect\n"
     "+0 > S 0:0(0) <mss 1460,sackOK,TS 0 0,nop,wscale 5>\n"
     "+.1 < S 0:0(0) win 65535 <mss 1000,sackOK>\n"
     "+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 told opened\n"
     "+0 state ESTABLISHED\n"},
    {"the window of a SYN|ACK is never scaled",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < S. 0:0(0) ack 1 win 1000 <mss 1000,nop,wscale 7>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 end\n"},
    {"a SYN|ACK that comes again is acknowledged",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < S. 0:0(0) ack 1 win 1000 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+1 < S. 0:0(0) ack 1 win 1000 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 state ESTABLISHED\n"},
};

}  // namespace cardea::l7::tcp
