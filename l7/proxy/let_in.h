// A connection that came to a service, by whichever TCP: counted, refused by RST where it is over the service's limit or
// its address's, and served.
#pragma once

#include "l7/door/transport.h"

namespace cardea::l7::proxy {

class Shard;
struct LiveService;

void let_in(Shard& shard, LiveService& service, door::Arrived arrived);

}  // namespace cardea::l7::proxy
