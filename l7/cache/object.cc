#include "l7/cache/object.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"

namespace cardea::l7::cache {
namespace {

uint64_t text_size(const Content& content) {
  return content.key.size() + content.pool.size() + content.selector.size() + content.head.size();
}

char* append(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

}  // namespace

uint64_t Object::cost(const Content& content, uint64_t inline_body) {
  return heap_cost(sizeof(Object) + text_size(content) + inline_body);
}

Object* Object::create(std::shared_ptr<Ledger> ledger, const Content& content, uint64_t inline_body) {
  void* memory = std::malloc(sizeof(Object) + text_size(content) + inline_body);
  CHECK(memory != nullptr, "the host has no memory left");
  return new (memory) Object(std::move(ledger), content, inline_body);
}

Object::Object(std::shared_ptr<Ledger> ledger, const Content& content, uint64_t inline_body)
    : port_(content.port),
      key_size_(uint32_t(content.key.size())),
      pool_size_(uint32_t(content.pool.size())),
      selector_size_(uint32_t(content.selector.size())),
      head_size_(uint32_t(content.head.size())),
      hash_(content.hash),
      cost_(cost(content, inline_body)),
      body_size_(inline_body),
      ledger_(std::move(ledger)),
      freshness_(content.freshness) {
  char* at = bytes();
  for (const std::string_view text : {content.key, content.pool, content.selector, content.head}) at = append(at, text);
  first_ = {at, inline_body};
}

Object::~Object() {
  ledger_->give(cost_);
  if (body_owner_ != nullptr) {
    body_owner_->let_go();
  } else if (pieces_ != &first_) {
    for (const iovec& piece : body()) std::free(piece.iov_base);
    delete[] pieces_;
  }
}

void Object::let_go() const {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Object* self = const_cast<Object*>(this);
  self->~Object();
  std::free(self);
}

void Object::adopt_pieces(std::vector<iovec> pieces, uint64_t size, uint64_t cost) {
  auto* kept = new iovec[pieces.size()];
  std::copy(pieces.begin(), pieces.end(), kept);
  pieces_ = kept;
  piece_count_ = uint32_t(pieces.size());
  body_size_ = size;
  cost_ += cost;
}

// Of the one whose memory it is, so that an object refreshed a thousand times keeps two heads alive and not a thousand.
void Object::share_body(const Object& other) {
  body_owner_ = other.body_owner_ != nullptr ? other.body_owner_ : &other;
  body_owner_->hold();
  pieces_ = body_owner_->pieces_;
  piece_count_ = body_owner_->piece_count_;
  body_size_ = body_owner_->body_size_;
}

bool Object::claim_renewal(int64_t now) const {
  int64_t next = next_renewal_.load(std::memory_order_relaxed);
  return now >= next && next_renewal_.compare_exchange_strong(next, INT64_MAX);
}

void ObjectRelease::operator()(const Object* object) const {
  object->let_go();
}

}  // namespace cardea::l7::cache
