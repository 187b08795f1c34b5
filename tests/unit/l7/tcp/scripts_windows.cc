// Windows, small segments and acknowledgements that wait (RFC 9293 3.8.6, RFC 7323).
#include "tests/unit/l7/tcp/scripts.h"
#include "tests/unit/l7/tcp/scripts_begin.h"

namespace cardea::l7::tcp {
namespace {

void buffer_of_4000(Settings& s) { s.receive_window = s.receive_window_max = 4000; }

void window_of_4000(Settings& s) { s.receive_window = 4000; }

}  // namespace

const std::vector<Script> kWindows = {
    {"never beyond the peer's window, and the rest when it opens",
     BEGIN_PLAIN
     "+0 < . 1:1(0) ack 1 win 2500\n"
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"  // 500 bytes of room are no reason for a small segment
     "+.1 < . 1:1(0) ack 2001 win 0\n"
     "+.1 < . 1:1(0) ack 2001 win 2500\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"},
    {"a closed window is asked about, ever more seldom, for as long as answers come",
     BEGIN_SACK
     "+0 < . 1:1(0) ack 1 win 0\n"
     "+0 write 1000\n"
     "+.3 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+.5 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+1.1 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+2.3 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 100\n"  // 12,800 bytes
     "+0 > P. 1:1001(1000) ack 1\n"},
    {"nobody answers about a closed window: given up",
     BEGIN_SACK
     "+0 < . 1:1(0) ack 1 win 0\n"
     "+0 write 1000\n"
     "+.3 > . 0:0(0) ack 1\n"
     "+.6 > . 0:0(0) ack 1\n"
     "+1.2 > . 0:0(0) ack 1\n"
     "+2.41 told timed_out\n"
     "+100 end\n",
     [](Settings& s) { s.data_retries = 3; }},
    {"what is sent again into a window that has shut is a question, too: never given up while answers come",
     BEGIN_PLAIN
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+.2 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+.5 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+1.1 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+2.3 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 5000\n"
     "+0 given_up 0\n"
     "+10 state ESTABLISHED\n",
     [](Settings& s) { s.data_retries = 2; }},
    {"what nobody owns any more waits for no window for ever, whatever is answered",
     BEGIN_SACK
     "+0 < . 1:1(0) ack 1 win 0\n"
     "+0 write 1000\n"
     "+0 close\n"
     "+.3 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+.5 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+1.1 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+2.3 > R. 1:1(0) ack 1\n"
     "+0 given_up 1\n"
     "+0 connections 0\n",
     [](Settings& s) { s.orphan_retries = 3; }},
    {"a window that is too small for a whole segment is used after a while",
     BEGIN_PLAIN
     "+0 < . 1:1(0) ack 1 win 100\n"
     "+0 write 1000\n"
     "+.3 > . 1:101(100) ack 1\n"
     "+.1 < . 1:1(0) ack 101 win 3000\n"
     "+0 > P. 101:1001(900) ack 1\n"},
    {"a window that shrinks: nothing beyond it, what was sent still counts",
     BEGIN_PLAIN
     "+0 write 3000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 500\n"
     "+0 write 1000\n"
     "+.1 < . 1:1(0) ack 3001 win 500\n"
     "+.1 < . 1:1(0) ack 3001 win 5000\n"
     "+0 > P. 3001:4001(1000) ack 1\n"},
    {"an old segment's window does not count",
     BEGIN_PLAIN
     "+0 < P. 1:11(10) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 11\n"
     "+0 < . 1:1(0) ack 1 win 0\n"  // older than the 10 bytes
     "+0 > . 1:1(0) ack 11\n"
     "+0 read 10\n"
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 11\n"},
    {"what does not fit into our window is left out, and the peer told",
     BEGIN_PLAIN
     "+0 < . 1:1001(1000) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 1001 win 3000\n"
     "+0 < . 1001:2001(1000) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 2001 win 2000\n"
     "+0 < . 2001:4501(2500) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 4001 win 0\n"
     "+.1 < . 4001:4002(1) ack 1 win 5000\n"  // a probe is answered, its byte not taken
     "+0 > . 1:1(0) ack 4001 win 0\n"
     "+0 readable 4000\n"
     "+0 read 500\n"   // no room worth speaking of
     "+0 read 1500\n"  // half of the buffer
     "+0 > . 1:1(0) ack 4001 win 2000\n"
     "+0 read 2000\n"
     "+0 > . 1:1(0) ack 4001 win 4000\n",
     buffer_of_4000},
    {"an acknowledgement waits 40 ms for a second segment once we answer",
     BEGIN_PLAIN
     "+0 < P. 1:101(100) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 101\n"  // the first ones at once
     "+0 read 100\n"
     "+.01 write 200\n"
     "+0 > P. 1:201(200) ack 101\n"
     "+.1 < P. 101:201(100) ack 201 win 5000\n"
     "+.04 > . 201:201(0) ack 201\n"},
    {"the answer carries the acknowledgement",
     BEGIN_PLAIN
     "+0 < P. 1:101(100) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 101\n"
     "+.01 write 200\n"
     "+0 > P. 1:201(200) ack 101\n"
     "+.1 < P. 101:201(100) ack 201 win 5000\n"
     "+.02 write 200\n"
     "+0 > P. 201:401(200) ack 201\n"
     "+.1 < . 201:201(0) ack 401 win 5000\n"
     "+1 end\n"},
    {"every second whole segment is acknowledged at once",
     BEGIN_PLAIN
     "+0 < P. 1:101(100) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 101\n"
     "+.01 write 200\n"
     "+0 > P. 1:201(200) ack 101\n"
     "+.1 < . 101:1101(1000) ack 201 win 5000\n"
     "+.001 < . 1101:2101(1000) ack 201 win 5000\n"
     "+0 > . 201:201(0) ack 2101\n"},
    {"out of order, the gap and the filled gap are told at once",
     BEGIN_SACK
     "+0 < . 1001:2001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1 win 2048 <nop,nop,sack 1001:2001>\n"
     "+0 < . 3001:4001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1 win 2048 <nop,nop,sack 3001:4001 1001:2001>\n"
     "+0 < . 1:1001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 2001 win 1986 <nop,nop,sack 3001:4001>\n"
     "+0 < . 2001:3001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 4001 win 1923 <>\n"
     "+0 read 4000\n"},
    {"a window grows with what is read",
     BEGIN_PLAIN
     "+0 < . 1:3001(3000) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 3001 win 1000\n"
     "+.2 read 100\n"
     "+0 > . 1:1(0) ack 3001 win 13300\n"
     "+0 capacity 16200\n"
     "+0 windows_kept_small 0\n",
     window_of_4000},
    {"with memory in use to three quarters no window grows",
     BEGIN_PLAIN
     "+0 < . 1:3001(3000) ack 1 win 5000\n"
     "+0 > . 1:1(0) ack 3001 win 1000\n"
     "+.2 read 100\n"
     "+0 capacity 4000\n"
     "+0 windows_kept_small 1\n",
     [](Settings& s) { window_of_4000(s), s.blocks = 2; }},
    {"with hardly any memory left what lies beyond a gap is given up, and comes again",
     BEGIN_SACK
     "+0 < . 40001:41001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1 win 2048 <nop,nop,sack 40001:41001>\n"
     "+0 < . 1:20001(20000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 20001 win 1423 <nop,nop,sack 40001:41001>\n"
     "+0 gaps_given_up 0\n"
     "+0 < . 20001:30001(10000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 30001 win 1111 <>\n"
     "+0 gaps_given_up 1\n"
     "+0 read 30000\n"
     "+.1 < . 30001:40001(10000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 40001\n"
     "+0 < . 40001:41001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 41001\n"
     "+0 read 11000\n",
     [](Settings& s) { s.blocks = 17; }},
    {"bytes that come twice are told as such",
     BEGIN_SACK
     "+0 < . 1:1001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1001\n"
     "+0 < . 1:1001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1001 win 2017 <nop,nop,sack 1:1001>\n"
     "+0 < . 2001:3001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1001 win 2017 <nop,nop,sack 2001:3001>\n"
     "+0 < . 2501:3501(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1001 win 2017 <nop,nop,sack 2501:3001 2001:3501>\n"},
    {"data behind a FIN that waits for its gap is nothing, and nothing is told of it",
     BEGIN_SACK
     "+0 < F. 1001:1001(0) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1 win 2048 <>\n"
     "+0 < . 2001:3001(1000) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1 win 2048 <>\n"
     "+0 readable 0\n"},
    {"Nagle, by choice: a small segment waits for what is out",
     BEGIN_PLAIN
     "+0 nagle\n"
     "+0 write 100\n"
     "+0 > P. 1:101(100) ack 1\n"
     "+0 write 100\n"
     "+0 write 100\n"
     "+.1 < . 1:1(0) ack 101 win 5000\n"
     "+0 > P. 101:301(200) ack 1\n"},
    {"what Nagle held back goes when it is no longer chosen",
     BEGIN_PLAIN
     "+0 nagle\n"
     "+0 write 100\n"
     "+0 > P. 1:101(100) ack 1\n"
     "+0 write 100\n"
     "+.01 nagle off\n"
     "+0 > P. 101:201(100) ack 1\n"},
    {"without Nagle each write leaves",
     BEGIN_PLAIN
     "+0 write 100\n"
     "+0 > P. 1:101(100) ack 1\n"
     "+0 write 100\n"
     "+0 > P. 101:201(100) ack 1\n"},
    {"keep-alives are sent and answered",
     BEGIN_SACK
     "+7200 > . 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512\n"
     "+7200 > . 0:0(0) ack 1\n"
     "+75 > . 0:0(0) ack 1\n"
     "+75.01 told timed_out\n"
     "+7200 end\n",
     [](Settings& s) {
       s.keep_alive_idle = std::chrono::hours(2);
       s.keep_alive_probes = 2;
     }},
    {"a peer's keep-alive is answered",
     BEGIN_SACK
     "+100 < . 0:0(0) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 1\n"},
    {"urgent data stays in its place",
     BEGIN_SACK
     "+0 < PU. 1:101(100) ack 1 win 512\n"
     "+0 > . 1:1(0) ack 101\n"
     "+0 read 100\n"},
};

}  // namespace cardea::l7::tcp
