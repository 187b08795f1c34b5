#include "l7/cache/cache.h"

#include <algorithm>
#include <utility>

#include "l7/cache/admission.h"
#include "l7/cache/freshness.h"
#include "l7/cache/key.h"
#include "l7/cache/memory.h"
#include "l7/cache/selector.h"
#include "l7/cache/stored_head.h"
#include "l7/cache/uncacheable.h"
#include "l7/cache/validate.h"
#include "l7/cache/writer.h"
#include "l7/http/authority.h"
#include "l7/http/fields.h"
#include "l7/policy/random_key.h"

namespace cardea::l7::cache {
namespace {

Url url_of(const Request& request) {
  return {request.scheme, request.head->authority, request.path, request.head->has_query, request.head->query};
}

// A part of the object. The backend's to serve unless there is a fresh one: asked whether a stale one still holds, it
// might answer with the piece.
bool wants_piece(const http::RequestHead& request) {
  return request.method == http::Method::kGet && request.headers.has(http::HeaderId::kRange);
}

// Seconds from a try to renew an object that failed to the next one.
constexpr int64_t kRenewalPause = 10;

uint32_t as_age(int64_t seconds) {
  return uint32_t(std::clamp<int64_t>(seconds, 0, INT32_MAX));  // RFC 9111 1.2.2
}

}  // namespace

struct Cache::State {
  explicit State(const Limits& limits) : memory(limits), uncacheable(limits.memory_bytes) {
    memory.ledger()->charge(uncacheable.own_bytes());
  }

  const HashKey hash_key = policy::random_key();
  Memory memory;
  Uncacheable uncacheable;

  std::unique_ptr<Writer> begin(const Request& request, const http::ResponseHead& response, http::BodyFraming body,
                                const Freshness& freshness);
};

std::string_view word(Result result) {
  switch (result) {
    case Result::kHit:
      return "hit";
    case Result::kStale:
      return "stale";
    case Result::kMiss:
      return "miss";
    case Result::kBypass:
      return "bypass";
    case Result::kOnlyCached:
      return "only_cached";
  }
  return "";
}

Cache::Cache(const Limits& limits) : state_(std::make_unique<State>(limits)) {}
Cache::~Cache() = default;

void Cache::set_limits(const Limits& limits) {
  state_->memory.set_limits(limits);
}

namespace {

bool may_share(const Request& request, const Freshness& freshness) {
  return may_have(request.head->headers, freshness) && (!request.authorized || freshness.for_authorized);
}

}  // namespace

Lookup Cache::find(const Request& request) {
  Lookup lookup;
  if (!may_be_answered(*request.head)) return lookup;
  const Key key(url_of(request));
  if (!key.fits()) return lookup;
  const http::Headers& headers = request.head->headers;
  const http::CacheControl wish = wish_of(headers);
  const bool piece = wants_piece(*request.head);
  const uint64_t hash = key.hash(state_->hash_key);
  auto [object, since] = state_->memory.stripe(hash).find(hash, key.text(), request);
  lookup.since = since;
  if (!object || !may_share(request, object->freshness())) {
    lookup.result = wish.only_if_cached      ? Result::kOnlyCached
                    : wish.no_store || piece ? Result::kBypass
                                             : Result::kMiss;
    lookup.uncacheable = !object && state_->uncacheable.holds(hash, request.now);
    return lookup;
  }
  const Judgement judgement = judge(object->freshness(), wish, request.now);
  lookup.result = judgement.result;
  if (judgement.result == Result::kStale && judgement.while_revalidating) {
    lookup.result = Result::kHit;
    if (!wish.only_if_cached && may_fill(*request.head)) lookup.renewal = Claim::of(*object, request.now);
  } else if (judgement.result == Result::kStale && wish.only_if_cached) {
    lookup.result = Result::kOnlyCached;
  } else if (judgement.result == Result::kStale && piece) {
    lookup.result = Result::kBypass;
    return lookup;
  }
  lookup.age = as_age(judgement.age);
  lookup.fresh_for = judgement.fresh_for;
  lookup.may_serve_stale = judgement.may_serve_stale;
  lookup.object = std::move(object);
  return lookup;
}

std::unique_ptr<Writer> Cache::begin(const Request& request, const http::ResponseHead& response,
                                     http::BodyFraming body) {
  const Freshness freshness = freshness_of(response, request.now, state_->memory.stale_on_error());
  std::unique_ptr<Writer> writer;
  if (may_share(request, freshness) && admission(*request.head, response, body, freshness) == Admission::kStore)
    writer = state_->begin(request, response, body, freshness);
  if (!writer && response.status != 304) give_up(request);  // a 304 says nothing of the whole
  return writer;
}

std::unique_ptr<Writer> Cache::State::begin(const Request& request, const http::ResponseHead& response,
                                            http::BodyFraming body, const Freshness& freshness) {
  const Key key(url_of(request));
  auto selector = selector_of(seen_of(request), response.headers);
  auto head = begin_stored_head(response, request.now);
  if (!key.fits() || !selector || !head) return nullptr;
  const uint64_t hash = key.hash(hash_key);
  Draft draft{std::string(key.text()),
              std::string(request.pool),
              std::move(*selector),
              std::move(*head),
              hash,
              freshness,
              request.port,
              request.since};
  if (body.kind == http::BodyKind::kNone) body = {http::BodyKind::kLength, 0};
  return make_writer(memory, std::move(draft), body);
}

// What one request is refused for by itself says nothing of its URL.
void Cache::give_up(const Request& request) {
  if (request.head->method != http::Method::kGet || !may_be_answered(*request.head) || !may_fill(*request.head)) return;
  const Key key(url_of(request));
  if (key.fits()) state_->uncacheable.add(key.hash(state_->hash_key), request.now);
}

ObjectPointer Cache::refresh(const Request& request, ObjectPointer stale, const http::ResponseHead& not_modified) {
  Memory& memory = state_->memory;
  Stripe& stripe = memory.stripe(stale->hash());
  http::ResponseHead stored;
  parse_stored_head(stale->head(), stored);
  if (!confirms(not_modified, stored)) {
    stripe.unlink(*stale);
    return nullptr;
  }
  auto head = begin_refreshed_head(stored, not_modified, request.now);
  if (!head) return stale;
  end_stored_head(*head, stale->body_size());
  parse_stored_head(*head, stored);
  Freshness freshness = freshness_of(stored, request.now, memory.stale_on_error());
  freshness.age = std::max(freshness.age, age_of(not_modified.headers));
  Object* const renewed = memory.create(
      {stale->key(), stale->pool(), stale->selector(), *head, stale->hash(), freshness, stale->port()}, 0);
  if (renewed == nullptr) return stale;
  ObjectPointer served(renewed);
  renewed->share_body(*stale);
  const http::CacheControl said = http::cache_control(stored.headers);
  if (said.no_store || said.is_private) {
    stripe.unlink(*stale);
  } else {
    renewed->hold();
    memory.link(renewed, request.since, stale.get());
  }
  return served;
}

void Cache::invalidate(const Request& request) {
  const Key key(url_of(request));
  if (!key.fits()) return;
  const uint64_t hash = key.hash(state_->hash_key);
  state_->memory.remove(hash, key.text(), request.pool);
}

size_t Cache::purge(std::string_view scheme, std::string_view host, std::string_view path_and_query) {
  const auto authority = http::parse_authority(host);
  if (!authority && !host.empty()) return 0;  // HTTP/1.0 may ask for no host at all
  const Key key(cache::url_of(scheme, authority.value_or(http::Authority{}), path_and_query));
  if (!key.fits()) return 0;
  const uint64_t hash = key.hash(state_->hash_key);
  return state_->memory.remove(hash, key.text(), {});
}

Figures Cache::figures() const {
  return state_->memory.figures();
}

Claim Claim::of(const Object& object, int64_t now) {
  Claim claim;
  if (!object.claim_renewal(now)) return claim;
  object.hold();
  claim.object_ = ObjectPointer(&object);
  claim.again_ = now + kRenewalPause;
  return claim;
}

Claim& Claim::operator=(Claim&& other) noexcept {
  end(again_);
  object_ = std::move(other.object_);
  again_ = other.again_;
  return *this;
}

Claim::~Claim() {
  end(again_);
}

ObjectPointer Claim::object() const {
  object_->hold();
  return ObjectPointer(object_.get());
}

void Claim::give_up() {
  end(0);
}

void Claim::end(int64_t again) {
  if (object_) object_->end_renewal(again);
  object_.reset();
}

uint32_t age(const Object& object, int64_t now) {
  return as_age(object.freshness().age_at(now));
}

Stored stored(const Object& object) {
  Stored out;
  parse_stored_head(object.head(), out.head);
  out.body = object.body();
  out.body_size = object.body_size();
  return out;
}

}  // namespace cardea::l7::cache
