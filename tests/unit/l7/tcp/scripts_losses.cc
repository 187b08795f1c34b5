// Losses: found by time and by SACK (RFC 8985), mended at PRR's pace (RFC 9937), timed out (RFC 6298), undone.
#include "tests/unit/l7/tcp/scripts.h"
#include "tests/unit/l7/tcp/scripts_begin.h"

// Ten segments of 1000 bytes, all that the first window allows.
#define TEN_LEAVE                          \
  "+0 write 20000\n"                       \
  "+0 > . 1:1001(1000) ack 1\n"            \
  "+0 > . 1001:2001(1000) ack 1\n"         \
  "+0 > . 2001:3001(1000) ack 1\n"         \
  "+0 > . 3001:4001(1000) ack 1\n"         \
  "+0 > . 4001:5001(1000) ack 1\n"         \
  "+0 > . 5001:6001(1000) ack 1\n"         \
  "+0 > . 6001:7001(1000) ack 1\n"         \
  "+0 > . 7001:8001(1000) ack 1\n"         \
  "+0 > . 8001:9001(1000) ack 1\n"         \
  "+0 > . 9001:10001(1000) ack 1\n"

namespace cardea::l7::tcp {
const std::vector<Script> kLosses = {
    {"slow start: two for each that arrived",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1001 win 512\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 cwnd 11\n"
     "+0 < . 1:1(0) ack 3001 win 512\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 > . 14001:15001(1000) ack 1\n"
     "+0 > . 15001:16001(1000) ack 1\n"
     "+0 cwnd 13\n"},
    {"what SACKs told of before does not make the window grow once more",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:3001>\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 cwnd 10\n"
     "+.01 < . 1:1(0) ack 4001 win 512\n"  // 1:1001 and 3001:4001
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 > . 14001:15001(1000) ack 1\n"
     "+0 > . 15001:16001(1000) ack 1\n"
     "+0 cwnd 12\n"},
    {"where reordering is seen SACKs alone make it grow",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 512 <sack 2001:3001>\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:3001>\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 cwnd 11\n"},
    {"nor do duplicates, where the peer has no SACK",
     BEGIN_PLAIN TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 65535\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+.01 < . 1:1(0) ack 4001 win 65535\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 > . 14001:15001(1000) ack 1\n"
     "+0 > . 15001:16001(1000) ack 1\n"
     "+0 cwnd 12\n"},
    {"one segment alone is probed for where the timeout would come first, and the window stays",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+0 tail_probes 1\n"
     "+0 timeouts 0\n"
     "+.05 < . 1:1(0) ack 1001 win 512 <sack 1:1001>\n"  // it had only been late
     "+0 cwnd 10\n"},
    {"and times out when the probe is not answered, after a timeout that is no longer for it",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+0 timeouts 0\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+0 timeouts 1\n"
     "+.6 > P. 1:1001(1000) ack 1\n"
     "+0 timeouts 2\n"},
    {"acknowledgements that say nothing new do not put a tail's probe off",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 2000:2001>\n"  // less than a segment
     "+.05 < . 1:1(0) ack 1 win 512 <sack 2000:2001>\n"
     "+.05 > P. 1001:2001(1000) ack 1\n"
     "+0 tail_probes 1\n"},
    {"a timeout that was none is undone when originals arrive behind it, without timestamps",
     BEGIN_SACK TEN_LEAVE
     "+.202 > . 10001:11001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 1\n"
     "+0 cwnd 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512\n"  // a path that stood still for half a second
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 undone 1\n"
     "+0 cwnd 12\n"},
    {"a timeout stays one where the first was lost and others were not",
     BEGIN_SACK
     "+0 write 3000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.202 > P. 2001:3001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 1001 win 512\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+0 undone 0\n"
     "+.1 < . 1:1(0) ack 3001 win 512\n"
     "+0 undone 0\n"},
    {"who is silent for a timeout goes on with half, and for many as a new connection does",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 2001 win 512\n"
     "+0 write 4000\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > . 3001:4001(1000) ack 1\n"
     "+0 > . 4001:5001(1000) ack 1\n"
     "+0 > P. 5001:6001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 6001 win 512\n"
     "+0 cwnd 8\n"
     "+.1 write 1000\n"  // no timeout yet
     "+0 > P. 6001:7001(1000) ack 1\n"
     "+0 cwnd 8\n"
     "+.1 < . 1:1(0) ack 7001 win 512\n"
     "+.3 write 1000\n"
     "+0 > P. 7001:8001(1000) ack 1\n"
     "+0 cwnd 4\n"
     "+.1 < . 1:1(0) ack 8001 win 512\n"
     "+5 write 1000\n"
     "+0 > P. 8001:9001(1000) ack 1\n"
     "+0 cwnd 2\n",
     [](Settings& s) { s.initial_segments = 2; }},
    {"whom we dialled gets what the window was",
     "+0 connect\n"
     "+0 > S 0:0(0) <mss 1460,sackOK,TS 0 0,nop,wscale 5>\n"
     "+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>\n"
     "+0 > . 1:1(0) ack 1\n"
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 2001 win 65535\n"
     "+5 write 1000\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+0 cwnd 4\n",
     [](Settings& s) { s.initial_segments = 2; }},
    {"the window does not grow when it is not used",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 512\n"
     "+0 write 1000\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 2001 win 512\n"
     "+0 cwnd 10\n"},
    {"a loss in the middle is mended by SACK, and the window is 0.7 of what it was",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:2001>\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:3001>\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 threshold 7\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:5001>\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:6001>\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:7001>\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:8001>\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:9001>\n"
     "+0 > . 14001:15001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 1001:10001>\n"
     "+0 > . 15001:16001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 12001 win 512\n"
     "+0 > . 16001:17001(1000) ack 1\n"
     "+0 > . 17001:18001(1000) ack 1\n"
     "+0 > . 18001:19001(1000) ack 1\n"
     "+0 cwnd 7\n"},
    {"one that is only late is no loss: a quarter of a round trip is waited for",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:2001>\n"
     "+.02 < . 1:1(0) ack 2001 win 512\n"
     "+1 cwnd 10\n"},
    {"after a quarter of a round trip it is lost",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:2001>\n"
     "+.025 > . 1:1001(1000) ack 1\n"
     "+0 threshold 7\n"},
    {"what one acknowledgement tells of in two places is no reordering",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1001 win 512 <sack 4001:5001 2001:3001>\n"
     "+0 > . 10001:11001(1000) ack 1\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 > . 14001:15001(1000) ack 1\n"
     "+0 > . 15001:16001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1001 win 512 <sack 4001:6001 2001:3001>\n"
     "+0 > . 1001:2001(1000) ack 1\n"},  // with three beyond it, at once
    {"a retransmission that is lost again is found by what was sent after it",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.01 write 1000\n"
     "+0 > P. 4001:5001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:5001>\n"
     "+0 > . 1:1001(1000) ack 1\n"},
    {"a loss that was none is undone by a D-SACK",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.01 < . 1:1(0) ack 4001 win 512\n"
     "+0 cwnd 7\n"
     "+.09 < . 1:1(0) ack 4001 win 512 <sack 1:1001>\n"
     "+0 undone 1\n"
     "+0 cwnd 10\n"},
    {"a timeout sends the first alone, and doubles",
     BEGIN_PLAIN
     "+0 write 3000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+.6 > . 1:1001(1000) ack 1\n"
     "+1.2 > . 1:1001(1000) ack 1\n"
     "+0 cwnd 1\n"
     "+0 threshold 7\n"
     "+.1 < . 1:1(0) ack 1001 win 65535\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+0 cwnd 2\n"},
    {"given up after as many timeouts as settings say",
     BEGIN_PLAIN
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.3 > P. 1:1001(1000) ack 1\n"
     "+.6 > P. 1:1001(1000) ack 1\n"
     "+1.21 told timed_out\n"
     "+100 end\n",
     [](Settings& s) { s.data_retries = 2; }},
    {"the timer begins anew only when something new is acknowledged",
     BEGIN_PLAIN
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.2 < . 1:1(0) ack 1 win 60000\n"
     "+.1 > P. 1:1001(1000) ack 1\n"},
    {"without SACK three duplicates mean a loss",
     BEGIN_PLAIN TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 > . 10001:11001(1000) ack 1\n"  // limited transmit (RFC 3042)
     "+0 < . 1:1(0) ack 1 win 65535\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 65535\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 threshold 7\n"},
    {"a window update is no duplicate",
     BEGIN_PLAIN TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 60000\n"
     "+0 < . 1:1(0) ack 1 win 61000\n"
     "+0 < . 1:1(0) ack 1 win 62000\n"
     "+0 < . 1:1(0) ack 1 win 63000\n"
     "+0 end\n"},
    {"a lost tail is probed after two round trips and what a peer may wait",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 512\n"
     "+0 write 2000\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.202 > P. 2001:3001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 512 <sack 2001:3001>\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 threshold 7\n"},
    {"a tail probe that came twice costs nothing",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.202 > P. 1001:2001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512\n"
     "+.05 < . 1:1(0) ack 2001 win 512 <sack 1001:2001>\n"
     "+0 cwnd 10\n"},
    {"a tail probe sends what is new when there is any",
     BEGIN_SACK TEN_LEAVE
     "+.202 > . 10001:11001(1000) ack 1\n"},
    {"a timeout that was none is undone by timestamps",
     BEGIN_TIMESTAMPS
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1 win 2048 <nop,nop,TS 100 1100>\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.202 > P. 1001:2001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1 win 2048 <nop,nop,TS 602 1100>\n"
     "+0 cwnd 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512 <nop,nop,TS 1600 100>\n"  // the echo is of the first sending
     "+0 undone 1\n"
     "+0 cwnd 10\n"},
    {"a D-SACK of a later tail probe does not undo a recovery that is over",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 4001 win 512\n"
     "+0 cwnd 7\n"
     "+0 write 1000\n"
     "+0 > P. 4001:5001(1000) ack 1\n"
     "+.3 > P. 4001:5001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 5001 win 512 <sack 4001:5001>\n"
     "+0 undone 0\n"
     "+0 cwnd 7\n"},
    {"what was slowed down before a silence is not undone behind it",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 4001 win 512\n"
     "+0 cwnd 7\n"
     "+5 write 1000\n"
     "+0 > P. 4001:5001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 5001 win 512 <sack 1:1001>\n"
     "+0 undone 0\n"
     "+0 cwnd 7\n"},
    {"nor does the D-SACK of a probe undo the recovery that began behind it",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.202 > P. 3001:4001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 < . 1:1(0) ack 1 win 512 <sack 3001:4001 1001:4001>\n"
     "+0 undone 0\n"
     "+.05 < . 1:1(0) ack 4001 win 512 <sack 1:1001>\n"
     "+0 undone 1\n"},
    {"a timeout out of recovery is no chance to undo the recovery: what that sent again has to come twice, too",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 1\n"
     "+.05 < . 1:1(0) ack 4001 win 512 <sack 1:1001>\n"
     "+0 undone 0\n"
     "+0 threshold 7\n"},
    {"nor do originals that arrive late behind it",
     BEGIN_SACK TEN_LEAVE
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 1\n"
     "+.05 < . 1:1(0) ack 5001 win 512\n"
     "+0 > . 5001:6001(1000) ack 1\n"
     "+0 > . 6001:7001(1000) ack 1\n"
     "+0 > . 7001:8001(1000) ack 1\n"
     "+0 undone 0\n"
     "+0 threshold 7\n"},
    {"what goes on behind a timeout and times out again slows down again",
     BEGIN_PLAIN
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 threshold 7\n"
     "+.1 < . 1:1(0) ack 1001 win 65535\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+.3 > . 1001:2001(1000) ack 1\n"
     "+0 threshold 2\n"
     "+.6 > . 1001:2001(1000) ack 1\n"
     "+0 threshold 2\n"},
    {"a mark of ECN in recovery is a sign of congestion that no D-SACK undoes",
     "+0 listen\n"
     "+0 < SEW 0:0(0) win 65535 <mss 1000,sackOK>\n"
     "+0 > SE. 0:0(0) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535\n"
     "+0 told opened\n"
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 65535 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.01 < E. 1:1(0) ack 4001 win 65535\n"
     "+.09 < . 1:1(0) ack 4001 win 65535 <sack 1:1001>\n"
     "+0 undone 0\n"
     "+0 cwnd 7\n"
     "+0 write 4000\n"
     "+0 > W. 4001:5001(1000) ack 1\n"
     "+0 > . 5001:6001(1000) ack 1\n"
     "+0 > . 6001:7001(1000) ack 1\n"
     "+0 > P. 7001:8001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 4001 win 65535 <sack 5001:8001>\n"
     "+0 > . 4001:5001(1000) ack 1\n"
     "+.01 < . 1:1(0) ack 8001 win 65535\n"
     "+.09 < . 1:1(0) ack 8001 win 65535 <sack 4001:5001>\n"
     "+0 undone 1\n"},
    {"what was sent behind a timeout and is late tells nothing of it",
     BEGIN_SACK
     "+0 write 1000\n"
     "+0 > P. 1:1001(1000) ack 1\n"
     "+.05 write 3000\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 1001 win 512\n"
     "+.202 > P. 3001:4001(1000) ack 1\n"
     "+.3 > . 1001:2001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+0 write 2000\n"
     "+.1 < . 1:1(0) ack 3001 win 512\n"
     "+0 > . 4001:5001(1000) ack 1\n"
     "+0 > P. 5001:6001(1000) ack 1\n"
     "+0 full\n"
     "+.1 < . 1:1(0) ack 3001 win 512 <sack 5001:6001>\n"
     "+0 lost 2000\n"
     "+.01 < . 1:1(0) ack 6001 win 512\n"
     "+0 undone 0\n"
     "+0 free\n"},
    {"a timeout is undone also when nothing could be sent again yet",
     BEGIN_SACK TEN_LEAVE
     "+.202 > . 10001:11001(1000) ack 1\n"
     "+0 full\n"
     "+.31 < . 1:1(0) ack 2001 win 512\n"
     "+0 timeouts 1\n"
     "+0 undone 1\n"
     "+0 free\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"},
    {"a recovery that begins on the acknowledgement that undoes is no burst",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.05 write 18000\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > . 3001:4001(1000) ack 1\n"
     "+0 > . 4001:5001(1000) ack 1\n"
     "+0 > . 5001:6001(1000) ack 1\n"
     "+0 > . 6001:7001(1000) ack 1\n"
     "+0 > . 7001:8001(1000) ack 1\n"
     "+0 > . 8001:9001(1000) ack 1\n"
     "+0 > . 9001:10001(1000) ack 1\n"
     "+.202 > . 10001:11001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 1\n"
     "+.05 < . 1:1(0) ack 1001 win 512 <sack 2001:3001>\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 undone 1\n"
     "+0 in_flight 9000\n"},
    {"beyond the window that the peer has now no tail is probed",
     BEGIN_SACK
     "+0 write 3000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 7\n"
     "+.3 > . 1001:2001(1000) ack 1\n"
     "+0 tail_probes 0\n"
     "+0 timeouts 1\n"},
    {"but the first segment is",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1001 win 0\n"
     "+.3 > P. 1001:2001(1000) ack 1\n"
     "+0 tail_probes 1\n"},
    {"a probe that could not leave yet is not due any more when something was acknowledged",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+0 full\n"
     "+.21 < . 1:1(0) ack 1001 win 512\n"
     "+0 free\n"
     "+.1 tail_probes 0\n"
     "+0 < . 1:1(0) ack 2001 win 512\n"},
    {"nor when the tail was told to have come",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+0 full\n"
     "+.21 < . 1:1(0) ack 1 win 512 <sack 1001:2001>\n"
     "+0 free\n"
     "+0 tail_probes 0\n"
     "+.01 < . 1:1(0) ack 2001 win 512\n"},
    {"what goes again in smaller pieces is not probed for",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+0 full\n"
     "+.1 < icmp too_big mtu 640 seq 1\n"
     "+.15 lost 2000\n"
     "+0 tail_probes 0\n",
     {},
     4},
    {"a tail that cannot be cut to what fits now is left to the timeout",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.1 < . 1001:1011(10) ack 1 win 512\n"
     "+0 > . 2001:2001(0) ack 1\n"
     "+.15 tail_probes 0\n"
     "+.01 < . 1:1(0) ack 2001 win 512\n",
     [](Settings& s) { s.segments = 2; }},
    {"the D-SACK of a probe does not make what is late be waited for longer",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.202 > P. 1001:2001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512\n"
     "+.05 < . 1:1(0) ack 2001 win 512 <sack 1001:2001>\n"
     "+0 write 2000\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 2001 win 512 <sack 3001:4001>\n"
     "+.025 > . 2001:3001(1000) ack 1\n"},
    {"a D-SACK of something else is no answer to a tail probe",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.202 > P. 1001:2001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 2001 win 512 <sack 1:1001>\n"
     "+0 cwnd 10\n"
     "+0 write 1000\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 3001 win 512\n"
     "+0 threshold 7\n"},
    {"a timeout that was none is undone behind the second, too",
     BEGIN_SACK TEN_LEAVE
     "+.202 > . 10001:11001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+.6 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 2\n"
     "+.05 < . 1:1(0) ack 2001 win 512\n"
     "+0 > . 11001:12001(1000) ack 1\n"
     "+0 > . 12001:13001(1000) ack 1\n"
     "+0 > . 13001:14001(1000) ack 1\n"
     "+0 undone 1\n"},
    {"a window that shuts is no progress, and the threshold stays",
     BEGIN_PLAIN
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.3 > . 1:1001(1000) ack 1\n"
     "+0 threshold 7\n"
     "+.1 < . 1:1(0) ack 1 win 0\n"
     "+.5 > . 1:1001(1000) ack 1\n"
     "+0 timeouts 2\n"
     "+0 threshold 7\n"},
    {"new data that leaves in its place is the tail, and probed in its turn",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+0 full\n"
     "+.21 write 1000\n"
     "+0 free\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.05 tail_probes 0\n"},
    {"nor does it hide that the tail was lost",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+.202 > P. 1001:2001(1000) ack 1\n"
     "+0 write 1000\n"
     "+0 > P. 2001:3001(1000) ack 1\n"
     "+.05 < . 1:1(0) ack 3001 win 512 <sack 1:1001>\n"
     "+0 threshold 7\n"},
    {"D-SACKs of what went again in smaller pieces undo no recovery before it",
     BEGIN_SACK
     "+0 write 4000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > . 1001:2001(1000) ack 1\n"
     "+0 > . 2001:3001(1000) ack 1\n"
     "+0 > P. 3001:4001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 1 win 512 <sack 1001:4001>\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+.1 < . 1:1(0) ack 4001 win 512\n"
     "+0 write 1000\n"
     "+0 > P. 4001:5001(1000) ack 1\n"
     "+.01 < icmp too_big mtu 640 seq 4001\n"
     "+0 > . 4001:4601(600) ack 1\n"
     "+0 > P. 4601:5001(400) ack 1\n"
     "+.1 < . 1:1(0) ack 5001 win 512 <sack 4001:5001>\n"
     "+.01 < . 1:1(0) ack 5001 win 512 <sack 4001:5001>\n"
     "+0 undone 0\n"
     "+0 cwnd 11\n",
     {},
     4},
    {"a probe that is due is not when all goes again in smaller pieces",
     BEGIN_SACK
     "+0 write 2000\n"
     "+0 > . 1:1001(1000) ack 1\n"
     "+0 > P. 1001:2001(1000) ack 1\n"
     "+0 full\n"
     "+.21 < icmp too_big mtu 640 seq 1\n"
     "+0 lost 2000\n",
     {},
     4},
};

}  // namespace cardea::l7::tcp
