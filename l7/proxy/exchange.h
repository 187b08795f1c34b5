// One HTTP request and its response, as the rooms of the request path share it: what came, what was decided about it,
// where it goes and what became of it. exchange.cc alone decides whether a failure is tried again, answered, or cuts
// the response.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "l7/http/body.h"
#include "l7/http/head.h"
#include "l7/http/parse_head.h"
#include "l7/policy/admit.h"
#include "l7/proxy/caching.h"
#include "l7/proxy/caller.h"
#include "l7/proxy/client_end.h"
#include "l7/proxy/client_watch.h"
#include "l7/proxy/compressing.h"
#include "l7/proxy/connection.h"
#include "l7/proxy/failure.h"
#include "l7/proxy/held_body.h"
#include "l7/proxy/held_trailers.h"
#include "l7/proxy/input.h"
#include "l7/proxy/record.h"
#include "l7/upstream/pool.h"

namespace cardea::l7 {
class Bell;
}
namespace cardea::l7::policy {
struct AuthAnswer;
struct Claims;
struct RateLimit;
class PlaceTable;
}

namespace cardea::l7::proxy {

// The request's way to the backend.
struct Upload {
  http::BodyReader reader{http::BodyFraming{}};
  bool chunked = false;     // as it goes to the backend
  bool under_way = false;   // a coroutine is sending the rest of the body
  bool complete = false;    // the body was read to its end
  bool replayable = true;   // what was read of the body is still in the client's buffer
  uint64_t body_bytes = 0;  // of this attempt
  HeldTrailers trailers;    // of a client that speaks HTTP/1
  Failure failure;          // the client's: closed, stalled, malformed
};

// The response's way to the client.
struct Answer {
  enum class State : uint8_t {
    kNone,
    kInformational,
    kFinal,
    kTunnel,
    kStored,    // the backend says that the cache's answer is good
    kAskAgain,  // or that it knows another one
  };
  State state = State::kNone;
  http::BodyReader reader{http::BodyFraming{}};
  std::string_view head;  // edited, in the exchange's arena
  size_t head_room = 0;   // what it took there
  HeldTrailers trailers;  // of a backend that speaks HTTP/1
  const http::ConnectionOptions* options = nullptr;  // which names headers that end here; null: it names none
  Instant working{};      // when the backend last said that it is (102)
  uint16_t status = 0;
  bool timed = false;    // the time to its head is the backend's alone: it had the whole request at once
  bool begun = false;    // a byte of a response came from the backend
  bool sent = false;     // a byte of the final response may have reached the client
  bool chunked = false;  // as it goes to the client
  bool until_close = false;
  bool head_only = false;  // the body is the cache's alone: the client has it already, or there is none
  bool reusable = false;   // the backend keeps its connection
  bool complete = false;   // relayed to its end
};

// A place among a key's requests under way (rate_limits[].concurrent); in the exchange's arena.
struct HeldPlace {
  policy::PlaceTable* of;
  uint64_t key;
  HeldPlace* next;
};

// Whose bytes are counted as they go (rate_limits[].request_bytes, .response_bytes); in the exchange's arena, the limit in
// its plan.
struct Meter {
  const policy::RateLimit* limit;
  uint64_t key;
  Meter* next;
};

class HeardAnswer;

class Exchange {
 public:
  // Made by a client, by the plan that its service has now.
  explicit Exchange(const Caller& caller);
  // Made by nobody: `record` has what is known of it.
  Exchange(const Caller& caller, ShardPlanPointer plan, const ServicePlan& service, const Record& record);
  Exchange(const Exchange&) = delete;
  ~Exchange();

  Arena& arena() { return caller.arena; }
  Loop& loop() const { return shard().loop(); }
  ClientEnd& end() const { return *caller.end; }  // where there is a client
  Stream& client() const { return end().stream(); }
  Instant now() const { return loop().now(); }
  Shard& shard() const { return caller.shard; }
  // How the client came, to whoever was first to be told.
  std::string_view scheme() const { return !told.scheme.empty() ? told.scheme : caller.tls ? "https" : "http"; }
  bool is_secure() const { return scheme() == "https"; }

  const Caller caller;
  const ShardPlanPointer plan;
  const ServicePlan& service;
  http::RequestHead& head;  // 3 KB, in the arena
  policy::Admitted admitted;
  bool framed = false;  // it is known where the request ends; else nothing behind it can be read
  Record record;
  Buffer head_buffer;                   // what `head` views, once the body needed another
  size_t body_at = 0;                   // where the body begins in the client's buffer
  upstream::Pool* pool = nullptr;       // null: the route answers by itself
  const route::Share* share = nullptr;  // of the route's: where the pool is from
  std::string_view backend_host;        // that the backend is asked for, without port and brackets
  std::string_view backend_path;        // as it is sent
  std::optional<MadeTarget> made;       // of the path's groups: what a backend is asked for, or where the client is sent
  upstream::Tried tried;
  upstream::Lease lease;
  BackendRows backend_rows;  // of the last that was tried
  Upload upload;
  Answer answer;
  Caching caching;
  Compressing compressing;
  Input response;   // from the backend
  Failure failure;  // what ended the attempt; empty: nothing
  Instant sent_at{};
  Pace from_client, to_client;  // while its body, or its taking of the response, is waited for
  ClientWatch watch{*this};
  policy::ToldByProxy told;     // by a peer that is believed
  bool stranger = false;        // the peer is none of those that are
  std::shared_ptr<const policy::Claims> claims;  // of the token that was verified; null: none was asked for
  std::string_view api_key;     // the name of its key
  std::string_view limit_lines;  // headers that say what its rate limits leave, and what a service says to its client
  std::shared_ptr<const policy::AuthAnswer> permission;  // of the service that was asked; null: none was, or it is away
  std::shared_ptr<const policy::AuthAnswer> refusal;     // or what it says to its client, who may not pass
  HeldBody held_body;           // read before it goes on
  bool told_to_continue = false;  // by us, to send its body
  HeldPlace* held = nullptr;    // among requests under way, until this one ends
  Meter* meters = nullptr;      // of limits on bytes
  uint64_t metered_in = 0, metered_out = 0;  // what those know of
  bool authorized = false;      // the client had to show who it is
  std::string_view reply_line;  // of an answer of ours, with its CR LF: what its status asks for
  bool wants_trailers = false;  // the client said so
  bool grpc = false;      // it asks by gRPC
  bool messages = false;  // and is answered by it
  Instant moved{};              // when a piece of a body last went on, either way
  bool authenticates = false;  // carries credentials that a backend may keep for its connection
  bool bound = false;          // and carries on what was said there before
  upstream::Queue::Place* place = nullptr;  // while it waits for a backend
  Bell* bell = nullptr;                     // or for what somebody else asks for it
  HeardAnswer* heard = nullptr;  // nobody's: who wants to know its answer
  size_t head_bytes = 0;         // nobody's: of its head
  bool client_gone = false;
  bool close = true;  // the client's connection ends behind this exchange

 private:
  // The record is made where it stays: it is large.
  struct InPlace {};
  template <typename Begin>
  Exchange(const Caller& caller, ShardPlanPointer plan, const ServicePlan& service, InPlace, const Begin& begin);
};

// The rooms, in their order.

// Decides from the head alone. Plain code.
Failure admit(Exchange& exchange);
// How its body arrives, once it is admitted.
http::BodyFraming body_framing(const Exchange& exchange);
// To which pool, and as what: way.cc.
const route::Share& choose_share(const Exchange& exchange, const route::Proxy& proxy);
Failure take_way(Exchange& exchange, const route::Proxy& proxy, const route::Share& share);
// What the route's expression and this make of path and query, into `made`. `query`: the client's, as far as it is kept.
Failure make(Exchange& exchange, const PathTemplate& by, std::string_view query);
// Tries backends until one answered, none is left, or the failure is not one to repeat. Behind it the lease is the
// caller's to end: with keep_backend() where the response was read to its end.
Task<> forward(Exchange& exchange);
void keep_backend(Exchange& exchange);
using Chosen = std::expected<upstream::Backend*, upstream::NoBackend>;
// A backend that was not tried, with a place at it.
Chosen choose_place(Exchange& exchange, uint64_t hash);
// Its client wants it no more: what it waits for is waited for no longer.
void abandon(Exchange& exchange);
// Why it is this one, in a word.
std::string_view choice_word(const Exchange& exchange, const upstream::Backend& chosen);
// Whether it has to wait for one; and the wait. A failure: it waits no more.
bool may_queue(Exchange& exchange, Chosen& chosen);
Task<Failure> wait_for_place(Exchange& exchange, uint64_t hash, Chosen& chosen);
// The header that lets the client come to this backend again (pools[].sticky), in the exchange's arena; empty: none is
// due.
std::string_view cookie_to_set(Exchange& exchange);
// One attempt at one backend: lease or dial, send, relay. What went wrong is in exchange.failure.
Task<> attempt(Exchange& exchange, upstream::Backend& backend);
// The backend has all of the body.
void end_request(Exchange& exchange);
// Sends what the client's buffer does not hold yet, beside receive().
Task<> upload(Exchange& exchange);
// Waits for the response and relays it.
Task<> receive(Exchange& exchange);
// From here on the client has, or may have, a part of the final response.
void begin_answer(Exchange& exchange);
// Our own answer.
Task<> reply(Exchange& exchange, Failure failure);
// What the route answers by itself. The first: why it has no answer to this request.
Failure find_answer(Exchange& exchange);
Task<> answer_here(Exchange& exchange);
// The file that the request's path asks for: files.cc.
Task<> send_file(Exchange& exchange, const route::Files& files);
// One of ours whose end was decided, of this head and body: compressed where that was chosen, to HEAD without the body.
Task<> send_own(Exchange& exchange, const http::ResponseHead& head, std::string_view body);
// A whole response whose end was decided, out of memory that stays until the client took it.
Task<> send_whole(Exchange& exchange, std::span<iovec> pieces);
// After a 101: bytes in both directions until both sides closed, or nothing came for the service's idle_timeout.
Task<> tunnel_websocket(Exchange& exchange);

// What a failed read or write of the client's stream means; `pace` ended what timed out.
Failure client_failure(const IoResult& result, Reason on_timeout, const Pace& pace);

// What the head says, for the record.
void describe(Exchange& exchange);
// All of it, once there is a head, or the failure that there is none.
Task<> carry_out(Exchange& exchange);

}  // namespace cardea::l7::proxy
