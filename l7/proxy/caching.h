// The cache's part in an exchange: what it knew, whether it answers, and what of the backend's response it keeps. What
// may be stored or served is l7/cache's to decide; here it is done.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "l7/cache/cache.h"
#include "l7/http/framing.h"
#include "l7/http/head.h"
#include "l7/proxy/failure.h"
#include "l7/proxy/pieces.h"
#include "l7/runtime/task.h"

namespace cardea::l7::proxy {

class Exchange;

struct Caching {
  cache::Cache* cache = nullptr;  // the route's; null: none
  cache::Lookup lookup;
  std::unique_ptr<cache::Writer> writer;
  std::string_view status;   // Cache-Status (RFC 9211) of a response that is relayed
  bool conditional = false;  // the backend is asked whether lookup.object is still good
  bool whole = false;        // and for all of it: what the client has is compared here
  bool answers = false;      // lookup.object is the response
  bool stored = false;       // the backend's response is in the cache
};

// What a backend's response means where there is a cache.
enum class CacheVerdict : uint8_t {
  kRelay,         // it goes to the client, and perhaps into the cache on its way
  kAnswer,        // the stored response is still good
  kStaleInstead,  // it is a failure, and what is stored will do better
  kAskAgain,      // a 304 about something else than what is stored: ask without validators
};

// Before a backend is asked. Afterwards the cache answers, or refuses (only-if-cached), or the request goes on.
Failure ask_cache(Exchange& exchange);
// The same for nobody, of an object that is stale.
void ask_for_renewal(Exchange& exchange, cache::ObjectPointer object, uint64_t since);
// Whether the client has what this response is, by the validators that the backend was not asked with.
bool client_has(const Exchange& exchange, const http::ResponseHead& head);
// A final response's head came.
CacheVerdict show_cache(Exchange& exchange, const http::ResponseHead& head, http::BodyFraming body);
void store(Exchange& exchange, const Pieces& pieces);
void finish_storing(Exchange& exchange);
// No backend answered: whether what is stored may be served stale.
bool stale_may_answer(const Exchange& exchange);
// The stored response, straight from the cache's memory, or 304.
Task<> serve_stored(Exchange& exchange);

}  // namespace cardea::l7::proxy
