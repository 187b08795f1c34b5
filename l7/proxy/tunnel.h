// Bytes in both directions between two streams, with half-close, until both sides have ended or nothing came from
// either for a while, or its service is gone and its last while is over. Idle it holds no buffer.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "l7/proxy/connection.h"
#include "l7/proxy/failure.h"

namespace cardea::l7::proxy {

struct Tunnel : LoopTimer, Occupant {
  // Between a client, what it sent ahead, and a backend.
  Tunnel(Arena& in, Shard& shard, Stream& client, Input& ahead, Stream& backend);
  Arena& arena() { return where; }
  // From now on it has some seconds, whatever moves.
  void leave() override;
  // `to_backend` or `to_client` has grown.
  virtual void carried() {}

  Arena& where;
  Shard& shard;
  Stream& client;
  Input& ahead;
  Stream& backend;
  std::chrono::milliseconds idle_timeout{};
  Instant active{};  // when something last moved
  int writing = 0;   // directions that wait for what they write
  bool stopped = false;
  bool truncated = false;  // a side ended its TLS without saying so: what came last may be missing
  Failure failure;
  uint64_t to_backend = 0, to_client = 0;  // bytes
  Input first;                             // what the backend sent already
};

inline constexpr std::string_view kTruncated = "truncated";  // a record's detail

// The client's stream is closed afterwards. `place`: where who has to know of it finds it meanwhile; `gone`: its
// service is.
Task<> run(Tunnel& tunnel, Occupant*& place, bool gone);

// A connection of a tcp service, from choosing its backend to its record.
Task<> serve_tcp(Connection& connection);

}  // namespace cardea::l7::proxy
