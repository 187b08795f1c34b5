// How connections end (RFC 9293 3.6, 3.10.4 to 3.10.8).
#include "tests/unit/l7/tcp/scripts.h"
#include "tests/unit/l7/tcp/scripts_begin.h"

namespace cardea::l7::tcp {

const std::vector<Script> kClosings = {
    {"the peer ends first",
     BEGIN_SACK
     "+0 < F. 1:1(0) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 2\n"
     "+0 told finished\n"
     "+0 state CLOSE-WAIT\n"
     "+0 write 100\n"
     "+0 > P. 1:101(100) ack 2\n"
     "+0 close\n"
     "+0 > F. 101:101(0) ack 2\n"
     "+0 state LAST-ACK\n"
     "+.1 < . 2:2(0) ack 102 win 512\n"
     "+0 connections 0\n"
     "+0 told orderly\n"
     "+100 end\n"},
    {"we end first, and wait",
     BEGIN_SACK
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+0 state FIN-WAIT-1\n"
     "+.1 < . 1:1(0) ack 2 win 512\n"
     "+0 state FIN-WAIT-2\n"
     "+.1 < F. 1:1(0) ack 2 win 512\n"
     "+0 > . 2:2(0) ack 2\n"
     "+0 connections 0\n"  // a few numbers are remembered of it
     "+0 waits 1\n"
     "+30 < F. 1:1(0) ack 2 win 512\n"
     "+0 > . 2:2(0) ack 2\n"  // and the time begins anew
     "+59 waits 1\n"
     "+2 waits 0\n"},
    {"half-closed: after our end theirs still comes",
     BEGIN_SACK
     "+0 write 10\n"
     "+0 > P. 1:11(10) ack 1\n"
     "+0 finish\n"
     "+0 > F. 11:11(0) ack 1\n"
     "+.1 < . 1:1(0) ack 12 win 512\n"
     "+100 < P. 1:501(500) ack 12 win 512\n"
     "+0 > . 12:12(0) ack 501\n"
     "+0 read 500\n"
     "+500 < F. 501:501(0) ack 12 win 512\n"
     "+0 > . 12:12(0) ack 502\n"
     "+0 state TIME-WAIT\n"},
    {"both end at once",
     BEGIN_SACK
     "+0 finish\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.05 < F. 1:1(0) ack 1 win 512\n"
     "+0 > . 2:2(0) ack 2\n"
     "+0 state CLOSING\n"
     "+.05 < . 2:2(0) ack 2 win 512\n"
     "+0 state TIME-WAIT\n"},
    {"a FIN leaves with the last data",
     BEGIN_PLAIN
     "+0 nagle\n"
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+0 write 200\n"  // held back by Nagle
     "+0 finish\n"
     "+0 > FP. 1001:1201(200) ack 1\n"},
    {"a FIN before the data that precedes it waits for it",
     BEGIN_SACK
     "+0 < F. 101:101(0) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 state ESTABLISHED\n"
     "+.1 < P. 1:101(100) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 102\n"
     "+0 told finished\n"
     "+0 read 100\n"},
    {"a lost FIN is sent again",
     BEGIN_SACK
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.3 > F. 1:1(0) ack 1\n"  // as a tail
     "+.3 > F. 1:1(0) ack 1\n"
     "+.6 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512\n"
     "+0 > . 2:2(0) ack 2\n"},
    {"who leaves with bytes unread resets",
     BEGIN_SACK
     "+0 < P. 1:101(100) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 101\n"
     "+0 close\n"
     "+0 > R. 1:1(0) ack 101\n"
     "+0 connections 0\n"
     "+100 end\n"},
    {"data that comes after the owner left is answered by a reset",
     BEGIN_SACK
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < P. 1:101(100) ack 2 win 512\n"
     "+0 > R 2:2(0)\n"
     "+0 connections 0\n"
     "+100 end\n"},
    {"aborted: one reset, then silence",
     BEGIN_SACK
     "+0 write 5000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > . 3001:4001(1000) ack 1\n"
     "+0 > P. 4001:5001(1000) ack 1\n"
     "+0 abort\n"
     "+0 > R. 5001:5001(0) ack 1\n"
     "+0 told aborted\n"
     "+100 end\n"},
    {"a reset bears a timestamp where one was agreed",
     BEGIN_TIMESTAMPS
     "+0 abort\n"
     "+0 > R. 1:1(0) ack 1 <nop,nop,TS 100 1100>\n"},
    {"the peer resets",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+0 < R. 1:1(0) ack 1 win 0\n"
     "+0 told reset\n"
     "+100 end\n"},
    {"behind its FIN the peer resets with the FIN's own number, as macOS does",
     BEGIN_SACK
     "+0 < F. 1:1(0) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 2\n"
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 2\n"
     "+.1 < R 1:1(0)\n"
     "+0 told reset\n"
     "+100 end\n"},
    {"FIN-WAIT-2 of nobody ends after a minute",
     BEGIN_SACK
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < . 1:1(0) ack 2 win 512\n"
     "+59 connections 1\n"
     "+2 connections 0\n"},
    {"a reset in TIME-WAIT changes nothing",
     BEGIN_SACK
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512\n"
     "+0 > . 2:2(0) ack 2\n"
     "+0 < R 2:2(0)\n"
     "+0 waits 1\n"
     "+0 resets_ignored 1\n"},
    {"what is late in TIME-WAIT is challenged, seldom, and what only acknowledges is nothing",
     BEGIN_TIMESTAMPS
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512 <nop,nop,TS 1200 100>\n"
     "+0 > . 2:2(0) ack 2 <nop,nop,TS 200 1200>\n"
     "+.1 < . 2:2(0) ack 2 win 512 <nop,nop,TS 1300 200>\n"
     "+0 < . 2:102(100) ack 2 win 512 <nop,nop,TS 1300 200>\n"
     "+0 > . 2:2(0) ack 2 <nop,nop,TS 300 1200>\n"
     "+.1 < . 2:102(100) ack 2 win 512 <nop,nop,TS 1300 200>\n"
     "+.1 < . 500000:500000(0) ack 2 win 512 <nop,nop,TS 1300 200>\n"
     "+.4 < . 2:2(0) ack 2 win 512 <nop,nop,TS 1100 200>\n"  // an old timestamp
     "+0 > . 2:2(0) ack 2 <nop,nop,TS 900 1200>\n"
     "+0 challenges 2\n"
     "+0 challenges_withheld 2\n"
     "+0 waits 1\n"},
    {"who dialled and closed first dials from the same port again after a second, beyond what was used",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK,TS 1000 0>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512 <nop,nop,TS 1200 100>\n"
     "+0 > . 2:2(0) ack 2\n"
     "+.5 in_use\n"
     "+.6 connect\n"
     "+0 > S 325000:325000(0)\n"  // 1.3 s at 4 us a number: beyond 2 + 65537
     "+0 time_waits_reused 1\n"
     "+0 waits 0\n"},
    {"without timestamps a port is not dialled from again for a minute",
     "+0 connect\n"
     "+0 > S 0:0(0)\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512\n"
     "+0 > . 2:2(0) ack 2\n"
     "+59 in_use\n"
     "+2 connect\n"
     "+0 > S 15300000:15300000(0)\n"},
    {"a newer SYN in TIME-WAIT opens anew, beyond what was used",
     BEGIN_TIMESTAMPS
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512 <nop,nop,TS 1200 100>\n"
     "+0 > . 2:2(0) ack 2\n"
     "+1 < S 100000:100000(0) win 65535 <mss 1000,TS 2500 0>\n"
     "+0 > S. 300000:300000(0) ack 100001\n"  // 1.2 s at 4 us a number: beyond 2 + 65537
     "+0 connections 1\n"},
    {"an older SYN in TIME-WAIT is challenged",
     BEGIN_TIMESTAMPS
     "+0 close\n"
     "+0 > F. 1:1(0) ack 1\n"
     "+.1 < F. 1:1(0) ack 2 win 512 <nop,nop,TS 1200 100>\n"
     "+0 > . 2:2(0) ack 2\n"
     "+1 < S 0:0(0) win 65535 <mss 1000,TS 900 0>\n"
     "+0 > . 2:2(0) ack 2\n"},
};

}  // namespace cardea::l7::tcp
