// Validators (RFC 9110 8.8, RFC 9111 4.3): what a stored response is recognised by, towards clients who have it and
// backends that are asked whether it still holds.
#include "l7/cache/validate.h"

#include <optional>

#include "l7/cache/object.h"
#include "l7/cache/stored_head.h"
#include "l7/http/date.h"
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

bool any_tag_matches(const http::Headers& request, std::string_view stored_tag) {
  const auto tag = http::parse_entity_tag(stored_tag);
  for (const http::Header& header : request) {
    if (header.id() != HeaderId::kIfNoneMatch) continue;
    if (header.value() == "*") return true;
    if (tag ? http::list_holds(header.value(), *tag) : http::list_holds_text(header.value(), stored_tag)) return true;
  }
  return false;
}

bool is_unmodified_since(const http::Headers& request, const http::ResponseHead& stored, int64_t received) {
  if (request.repeated(HeaderId::kIfModifiedSince)) return false;
  const std::string_view asked = request.value(HeaderId::kIfModifiedSince);
  const std::string_view modified = stored.headers.value(HeaderId::kLastModified);
  if (!modified.empty() && modified == asked) return true;
  const auto since = http::parse_date(asked, received);
  const auto changed = http::parse_date(modified.empty() ? stored.headers.value(HeaderId::kDate) : modified, received);
  return since && changed && *changed <= *since;
}

// If-Range compares strongly (RFC 9110 13.1.5): pieces of two representations make no whole. A date is a strong
// validator where the response was made at least a second after it (8.8.2.2).
bool holds_for_pieces(const http::Headers& request, const http::ResponseHead& stored) {
  if (!request.has(HeaderId::kIfRange)) return true;
  if (request.repeated(HeaderId::kIfRange)) return false;
  const std::string_view asked = request.value(HeaderId::kIfRange);
  if (const auto tag = http::parse_entity_tag(asked)) {
    const auto kept = http::parse_entity_tag(stored.headers.value(HeaderId::kEtag));
    return kept && http::strongly_equal(*tag, *kept);
  }
  const std::string_view unquoted = stored.headers.value(HeaderId::kEtag);
  if (!unquoted.empty() && unquoted == asked) return !unquoted.starts_with("W/");
  const std::string_view modified = stored.headers.value(HeaderId::kLastModified);
  if (modified.empty() || modified != asked) return false;
  const auto changed = http::parse_date(modified, 0), made = http::parse_date(stored.headers.value(HeaderId::kDate), 0);
  return changed && made && *changed < *made;
}

}  // namespace

std::string_view entity_tag(const Object& object) {
  return stored_value(object, HeaderId::kEtag);
}

std::string_view last_modified(const Object& object) {
  return stored_value(object, HeaderId::kLastModified);
}

bool not_modified(const http::RequestHead& request, const http::ResponseHead& response, int64_t received) {
  if (response.status != 200) return false;
  if (request.headers.has(HeaderId::kIfNoneMatch))
    return any_tag_matches(request.headers, response.headers.value(HeaderId::kEtag));
  return request.headers.has(HeaderId::kIfModifiedSince) && is_unmodified_since(request.headers, response, received);
}

bool not_modified(const http::RequestHead& request, const Object& object) {
  if (!(request.headers.present() & kConditions)) return false;
  http::ResponseHead stored;
  parse_stored_head(object.head(), stored);
  return not_modified(request, stored, object.freshness().received);
}

http::ByteRange wanted_range(const http::RequestHead& request, const Object& object) {
  if (request.method != http::Method::kGet || !request.headers.has(HeaderId::kRange)) return {};
  http::ResponseHead stored;
  parse_stored_head(object.head(), stored);
  if (stored.status != 200 || !holds_for_pieces(request.headers, stored)) return {};
  return http::byte_range(request.headers, object.body_size());
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
