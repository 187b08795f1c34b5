// What all connections of a stack share: settings, what is lent from, and counters. The rooms take it beside the
// connection they work on; it knows no connection.
#pragma once

#include "l7/tcp/receive_queue.h"
#include "l7/tcp/scoreboard.h"
#include "l7/tcp/send_queue.h"
#include "l7/tcp/settings.h"

namespace cardea::l7::tcp {

struct Counters {
#define CARDEA_TCP_COUNTER(name, help) uint64_t name = 0;
#include "l7/tcp/counters.def"
#undef CARDEA_TCP_COUNTER
};

struct Resources {
  explicit Resources(const Settings& chosen)
      : settings(chosen),
        pieces(chosen.pieces),
        segments(chosen.segments),
        received{Pool<Block>(chosen.blocks), Pool<Arrivals>(chosen.arrivals)} {}

  const Settings settings;
  Pool<Piece> pieces;
  Pool<Sent> segments;
  ReceivePools received;
  Counters counters;
};

}  // namespace cardea::l7::tcp
