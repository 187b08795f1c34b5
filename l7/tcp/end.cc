#include "l7/tcp/rooms.h"

namespace cardea::l7::tcp {
namespace {

void nothing_more_leaves(Resources& shared, Connection& c) {
  c.written.clear(shared.pieces);
  c.scoreboard.clear(shared.segments);
  c.deadlines.fill(kNever);
  c.probe_due = c.keep_alive_due = c.tail_probe_due = c.syn_due = c.override_due = false;
}

}  // namespace

void end(Resources& shared, Connection& c, Ending ending) {
  if (c.state == State::kClosed) return;
  c.state = State::kClosed;
  c.ending = ending;
  c.events |= kEnded;
  nothing_more_leaves(shared, c);
  c.acknowledge_due = false;
  // Else its owner may still read what came: also before a reset, as from Linux, since who answers early and closes with
  // something unread sends both.
  if (ending != Ending::kOrderly && ending != Ending::kReset) c.received.clear(shared.received);
}

void enter_time_wait(Resources& shared, Connection& c, Instant now) {
  c.state = State::kTimeWait;
  nothing_more_leaves(shared, c);
  c.deadline(Deadline::kEnd) = now + shared.settings.time_wait;
}

void abort(Resources& shared, Connection& c) {
  const bool peer_knows = c.state != State::kSynSent && c.state != State::kTimeWait && c.state != State::kClosed;
  end(shared, c, Ending::kAborted);
  c.reset_due |= peer_knows;
}

}  // namespace cardea::l7::tcp
