#include "l7/http/conditional.h"

#include <optional>

#include "l7/http/date.h"
#include "l7/http/entity_tag.h"
#include "l7/http/fields.h"

namespace cardea::l7::http {
namespace {

bool any_tag_matches(const Headers& request, std::string_view stored_tag) {
  const auto tag = parse_entity_tag(stored_tag);
  for (const Header& header : request) {
    if (header.id() != HeaderId::kIfNoneMatch) continue;
    if (header.value() == "*") return true;
    if (tag ? list_holds(header.value(), *tag) : list_holds_text(header.value(), stored_tag)) return true;
  }
  return false;
}

bool is_unmodified_since(const Headers& request, const ResponseHead& stored, int64_t received) {
  if (request.repeated(HeaderId::kIfModifiedSince)) return false;
  const std::string_view asked = request.value(HeaderId::kIfModifiedSince);
  const std::string_view modified = stored.headers.value(HeaderId::kLastModified);
  if (!modified.empty() && modified == asked) return true;
  const auto since = parse_date(asked, received);
  const auto changed = parse_date(modified.empty() ? stored.headers.value(HeaderId::kDate) : modified, received);
  return since && changed && *changed <= *since;
}

// If-Range compares strongly (RFC 9110 13.1.5): pieces of two representations make no whole. A date is a strong
// validator where the response was made at least a second after it (8.8.2.2).
bool holds_for_pieces(const Headers& request, const ResponseHead& stored) {
  if (!request.has(HeaderId::kIfRange)) return true;
  if (request.repeated(HeaderId::kIfRange)) return false;
  const std::string_view asked = request.value(HeaderId::kIfRange);
  if (const auto tag = parse_entity_tag(asked)) {
    const auto kept = parse_entity_tag(stored.headers.value(HeaderId::kEtag));
    return kept && strongly_equal(*tag, *kept);
  }
  const std::string_view unquoted = stored.headers.value(HeaderId::kEtag);
  if (!unquoted.empty() && unquoted == asked) return !unquoted.starts_with("W/");
  const std::string_view modified = stored.headers.value(HeaderId::kLastModified);
  if (modified.empty() || modified != asked) return false;
  const auto changed = parse_date(modified, 0), made = parse_date(stored.headers.value(HeaderId::kDate), 0);
  return changed && made && *changed < *made;
}

bool any_tag_is(const Headers& request, std::string_view stored_tag) {
  const auto tag = parse_entity_tag(stored_tag);
  for (const Header& header : request) {
    if (header.id() != HeaderId::kIfMatch) continue;
    std::string_view list = header.value();
    if (trim(list) == "*") return true;
    while (const auto element = next_element(list)) {
      const auto asked = parse_entity_tag(*element);
      if (tag && asked && strongly_equal(*asked, *tag)) return true;
    }
  }
  return false;
}

bool is_modified_since(const Headers& request, const ResponseHead& response, int64_t now) {
  const auto since = parse_date(request.value(HeaderId::kIfUnmodifiedSince), now);
  const auto changed = parse_date(response.headers.value(HeaderId::kLastModified), now);
  return since && changed && *changed > *since && !request.repeated(HeaderId::kIfUnmodifiedSince);
}

}  // namespace

bool preconditions_hold(const RequestHead& request, const ResponseHead& response, int64_t now) {
  const Headers& headers = request.headers;
  if (headers.has(HeaderId::kIfMatch)) return any_tag_is(headers, response.headers.value(HeaderId::kEtag));
  return !headers.has(HeaderId::kIfUnmodifiedSince) || !is_modified_since(headers, response, now);
}

bool not_modified(const RequestHead& request, const ResponseHead& response, int64_t received) {
  if (response.status != 200) return false;
  if (request.headers.has(HeaderId::kIfNoneMatch))
    return any_tag_matches(request.headers, response.headers.value(HeaderId::kEtag));
  return request.headers.has(HeaderId::kIfModifiedSince) && is_unmodified_since(request.headers, response, received);
}

ByteRange wanted_range(const RequestHead& request, const ResponseHead& response, uint64_t size) {
  if (request.method != Method::kGet || !request.headers.has(HeaderId::kRange)) return {};
  if (response.status != 200 || !holds_for_pieces(request.headers, response)) return {};
  return byte_range(request.headers, size);
}

}  // namespace cardea::l7::http
