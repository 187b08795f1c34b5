// One call: an exchange over a stream of its client's connection, with memory of its own. It lives until the client has
// what it was answered, or the stream has ended otherwise; until then it is one of the calls that the connection may
// have at a time.
#pragma once

#include "l7/http/fault.h"
#include "l7/http2/client_end.h"
#include "l7/proxy/connection.h"
#include "l7/runtime/arena.h"
#include "l7/runtime/intrusive_list.h"
#include "l7/runtime/task.h"

namespace cardea::l7::http2 {

struct Server;

struct Call : Link {
  Call(Server& server, int32_t id);
  Call(const Call&) = delete;
  ~Call();
  Arena& arena() { return memory; }

  Server& server;
  Arena memory;
  proxy::Input input;  // the head as text of HTTP/1, then pieces of the body
  CallStream stream;
  ClientEnd end;
  http::Fault fault = http::Fault::kNone;  // why the head was none
  proxy::Occupant* occupant = nullptr;     // the tunnel that it became
};

Task<> run(Call& call);

}  // namespace cardea::l7::http2
