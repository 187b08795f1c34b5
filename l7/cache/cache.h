// A bounded memory cache of responses, shared by all shards (RFC 9111). Objects are immutable once stored and counted
// by reference, so a hit copies nothing and eviction never waits for a slow client. Which responses may be stored, for
// how long and for whom is decided here and nowhere else; nothing here does I/O. Any thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "l7/http/body.h"
#include "l7/http/connection.h"
#include "l7/http/head.h"
#include "l7/http/range.h"

namespace cardea::l7::cache {

class Object;
struct ObjectRelease {
  void operator()(const Object* object) const;
};
using ObjectPointer = std::unique_ptr<const Object, ObjectRelease>;

// What a request asks the cache, in what its backend is sent: whatever a backend can answer differently to must tell
// two objects apart, or one client chooses what others get. The views need to live for one call.
struct Request {
  const http::RequestHead* head = nullptr;
  const http::ConnectionOptions* options = nullptr;  // the client's: what it nominates its backend does not see
  std::string_view scheme;                           // "https" or "http"
  uint16_t port = 0;                                 // the service's, which is forwarded too
  std::string_view path;  // that is forwarded (PathReading::forward); the query is the head's
  std::string_view pool;  // that answers, and how it is asked: what one said is never served for another (services may
                          // share a cache, and routes of one URL may lead to several)
  int64_t now = 0;        // seconds since 1970
  bool authorized = false;  // the client showed who it is otherwise than by Authorization, and that counts as it
  uint64_t since = 0;     // for begin and refresh: Lookup::since of the same exchange
};

// Whoever has it renews an object: one at a time. Let go, it leaves others the next try ten seconds after this one
// began.
class Claim {
 public:
  Claim() = default;
  Claim(Claim&& other) noexcept = default;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim();

  // Empty where somebody else has it, or had it a moment ago.
  static Claim of(const Object& object, int64_t now);
  explicit operator bool() const { return static_cast<bool>(object_); }
  ObjectPointer object() const;
  void give_up();  // nothing was asked: the next may try at once

 private:
  void end(int64_t again);
  ObjectPointer object_;
  int64_t again_ = 0;
};

enum class Result : uint8_t {
  kHit,    // serve `object`
  kStale,  // serve `object` only after the backend said 304, or where it fails (may_serve_stale)
  kMiss,
  kBypass,      // the request must not be answered from here, nor its response stored
  kOnlyCached,  // only-if-cached and nothing to serve: 504
};
std::string_view word(Result result);  // for logs and Cache-Status: "hit", "stale", …

struct Lookup {
  Result result = Result::kBypass;
  ObjectPointer object;
  uint32_t age = 0;              // seconds, for the Age header
  int64_t fresh_for = 0;         // seconds left; negative: stale for so long
  bool may_serve_stale = false;  // where the backend fails: no answer, or a 500, 502, 503 or 504 (RFC 5861 4)
  bool uncacheable = false;      // of a miss: the last response was, a moment ago
  Claim renewal;       // of a hit that is stale (RFC 5861 3): the holder asks the backend, nobody waits for it
  uint64_t since = 0;  // what is purged from here on, while a backend is asked, does not come back with its answer
};

// A stored response as it goes to a client: its head parsed again over the object's own memory, its body in pieces.
struct Stored {
  http::ResponseHead head;
  std::span<const iovec> body;
  uint64_t body_size = 0;
};

// RFC 9111 4.2.4 allows it without a limit; an hour is what an operator needs to notice.
inline constexpr uint32_t kStaleOnError = 3600;

struct Limits {
  uint64_t memory_bytes = 0;                // of everything: bodies, heads, keys, tables, what is on its way in or out
  uint64_t object_bytes_max = 0;            // of one body
  uint32_t stale_on_error = kStaleOnError;  // seconds beyond its lifetime for which an object may stand in for a
                                            // backend that fails, where nobody said anything about that
};

struct Figures {
  uint64_t bytes = 0, objects = 0;
  uint64_t stored = 0, evicted = 0, purged = 0;
  uint64_t refused = 0;  // larger than allowed, or no memory that is not in use
};

class Writer;

class Cache {
 public:
  explicit Cache(const Limits& limits);
  Cache(const Cache&) = delete;
  ~Cache();

  void set_limits(const Limits& limits);  // evicts down to them
  Lookup find(const Request& request);
  // After a miss (or a stale one): null when the response must not be stored (status, Cache-Control, Vary: *,
  // Authorization, Set-Cookie, length over the limit, …).
  std::unique_ptr<Writer> begin(const Request& request, const http::ResponseHead& response, http::BodyFraming body);
  // The response turned out to be too large on its way in: it is not asked for in order to store it, for a while.
  void give_up(const Request& request);
  // The backend answered 304 to the validators of `stale`: its headers and freshness are renewed, and what is to be
  // served returned. Null where the 304 speaks of another object (its ETag or Last-Modified differ): `stale` is gone,
  // and the request has to be sent again without validators.
  ObjectPointer refresh(const Request& request, ObjectPointer stale, const http::ResponseHead& not_modified);
  // A successful unsafe method makes what is stored for its URL invalid (RFC 9111 4.4).
  void invalidate(const Request& request);
  // Every variant of "https://shop.com:8443/images/a.png?x=1" in every pool; how many there were. `host` with its port.
  size_t purge(std::string_view scheme, std::string_view host, std::string_view path_and_query);

  Figures figures() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A response on its way into the cache. Dropped before finish(), it leaves nothing.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual bool append(std::string_view body) = 0;  // false: larger than allowed; drop the writer
  virtual bool finish() = 0;  // the body is complete: readers may have it. False: it came to nothing
};

// Views into the object, valid as long as the pointer is held.
Stored stored(const Object& object);
uint32_t age(const Object& object, int64_t now);  // seconds, for the Age header
// For a conditional request to the backend; empty where the object has none.
std::string_view entity_tag(const Object& object);
std::string_view last_modified(const Object& object);
// Whether the client's If-None-Match or If-Modified-Since says that it has this object already: 304.
bool not_modified(const http::RequestHead& request, const Object& object);
// What of the object's body the client asks for (Range), as long as it has pieces of the same (If-Range).
http::ByteRange wanted_range(const http::RequestHead& request, const Object& object);

}  // namespace cardea::l7::cache
