// Validators (RFC 9110 8.8, RFC 9111 4.3): what a stored response is recognised by, towards clients who have it and
// backends that are asked whether it still holds.
#include "l7/cache/validate.h"

#include "l7/cache/object.h"
#include "l7/cache/stored_head.h"
#include "l7/http/conditional.h"
#include "l7/http/entity_tag.h"

namespace cardea::l7::cache {
namespace {

using http::HeaderId;

constexpr uint64_t kConditions = http::header_set(HeaderId::kIfNoneMatch, HeaderId::kIfModifiedSince);

std::string_view stored_value(const Object& object, HeaderId id) {
  http::ResponseHead head;
  parse_stored_head(object.head(), head);
  return head.headers.value(id);
}

}  // namespace

std::string_view entity_tag(const Object& object) {
  return stored_value(object, HeaderId::kEtag);
}

std::string_view last_modified(const Object& object) {
  return stored_value(object, HeaderId::kLastModified);
}

bool not_modified(const http::RequestHead& request, const Object& object) {
  if (!(request.headers.present() & kConditions)) return false;
  http::ResponseHead stored;
  parse_stored_head(object.head(), stored);
  return http::not_modified(request, stored, object.freshness().received);
}

http::ByteRange wanted_range(const http::RequestHead& request, const Object& object) {
  if (request.method != http::Method::kGet || !request.headers.has(HeaderId::kRange)) return {};
  http::ResponseHead stored;
  parse_stored_head(object.head(), stored);
  return http::wanted_range(request, stored, object.body_size());
}

bool confirms(const http::ResponseHead& not_modified, const http::ResponseHead& stored) {
  const std::string_view said = not_modified.headers.value(HeaderId::kEtag);
  const std::string_view kept = stored.headers.value(HeaderId::kEtag);
  if (!said.empty()) {
    const auto a = http::parse_entity_tag(said), b = http::parse_entity_tag(kept);
    if (!a && !b) return said == kept;
    return a && b && (a->weak || b->weak ? http::weakly_equal(*a, *b) : http::strongly_equal(*a, *b));
  }
  const std::string_view changed = not_modified.headers.value(HeaderId::kLastModified);
  return changed.empty() || changed == stored.headers.value(HeaderId::kLastModified);
}

}  // namespace cardea::l7::cache
