#include "l7/cache/admission.h"

#include <algorithm>

#include "l7/http/cache_control.h"
#include "l7/http/fields.h"
#include "l7/http/vary.h"

namespace cardea::l7::cache {
namespace {

using http::HeaderId;

constexpr uint64_t kNotPlain = http::header_set(HeaderId::kIfMatch, HeaderId::kIfUnmodifiedSince,
                                                HeaderId::kTransferEncoding, HeaderId::kUpgrade, HeaderId::kExpect);
// A piece is served of what is stored whole, and never stored itself.
constexpr uint64_t kOfPieces = http::header_set(HeaderId::kRange, HeaderId::kIfRange);

// Kettle, "Practical web cache poisoning" (2018) and "Web cache entanglement" (2020): what backends were found to obey,
// and others of their kind that frameworks and gateways read. In whatever punctuation: many read "X_Host" too.
constexpr std::string_view kChoosing[] = {
    "X-Host",
    "X-Original-Host",
    "X-Forwarded-Server",
    "X-HTTP-Host-Override",
    "X-Forwarded-Scheme",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-HTTP-Method-Override",
    "X-Forwarded-Path",
    "X-Forwarded-Prefix",
    "X-Forwarded-SSL",
    "Front-End-Https",
    "X-Url-Scheme",
    "X-Forwarded",
    "Forwarded-For",
    "X-Forwarded-Protocol",
    "X-Scheme",
    "X-Backend-Host",
    "X-Forwarded-Uri",
    "X-Forwarded-Request",
    "X-Original-Uri",
    "Forwarded-Host",
    "Forwarded-Proto",
};

bool may_be_chosen_otherwise(const http::Headers& request) {
  return std::any_of(request.begin(), request.end(), [](const http::Header& header) {
    if (header.id() != HeaderId::kOther) return false;
    return std::any_of(std::begin(kChoosing), std::end(kChoosing),
                       [&header](std::string_view name) { return http::same_letters(header.name(), name); });
  });
}

// Of those that RFC 9110 15.1 calls cacheable and of redirections, which an explicit lifetime makes so. Not 400, 405,
// 414, 431, 501 and 5xx: a client can provoke them for everybody (Nguyen et al., "Your cache has fallen", CCS 2019).
bool is_kept(uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
    case 404:
    case 410:
      return true;
    default:
      return false;
  }
}

// With one the backend can be asked whether what is stored still holds.
bool has_validator(const http::ResponseHead& response) {
  return response.headers.has(HeaderId::kEtag) || response.headers.has(HeaderId::kLastModified);
}

bool ends_by_itself(uint16_t status, http::BodyFraming body) {
  if (status == 204) return true;
  return body.kind == http::BodyKind::kLength || body.kind == http::BodyKind::kChunked;
}

}  // namespace

std::string_view word(Admission admission) {
  switch (admission) {
    case Admission::kStore:
      return "store";
    case Admission::kRequest:
      return "request";
    case Admission::kNoStore:
      return "no_store";
    case Admission::kAuthorization:
      return "authorization";
    case Admission::kSetCookie:
      return "set_cookie";
    case Admission::kUnkeyed:
      return "unkeyed";
    case Admission::kStatus:
      return "status";
    case Admission::kVary:
      return "vary";
    case Admission::kUnknownEnd:
      return "unknown_end";
    case Admission::kNotFresh:
      return "not_fresh";
  }
  return "";
}

bool may_be_answered(const http::RequestHead& request) {
  if (request.method != http::Method::kGet && request.method != http::Method::kHead) return false;
  if (request.headers.present() & kNotPlain) return false;
  if (request.path == "*") return false;
  if (!request.headers.has(HeaderId::kContentLength)) return true;
  return http::stated_length(request.headers, http::Sender::kClient).value_or(1) == 0;
}

bool may_fill(const http::RequestHead& request) {
  return !(request.headers.present() & kOfPieces) && !http::cache_control(request.headers).no_store &&
         !may_be_chosen_otherwise(request.headers);
}

Admission admission(const http::RequestHead& request, const http::ResponseHead& response, http::BodyFraming body,
                    const Freshness& freshness) {
  if (request.method != http::Method::kGet || !may_be_answered(request)) return Admission::kRequest;
  if (request.headers.present() & kOfPieces) return Admission::kRequest;
  if (!is_kept(response.status) || response.headers.has(HeaderId::kContentRange)) return Admission::kStatus;
  const http::CacheControl said = http::cache_control(response.headers);
  if (said.no_store || said.is_private || (said.no_cache && !has_validator(response))) return Admission::kNoStore;
  if (http::cache_control(request.headers).no_store) return Admission::kNoStore;
  if (response.headers.has(HeaderId::kSetCookie)) return Admission::kSetCookie;
  if (!may_have(request.headers, freshness)) return Admission::kAuthorization;
  if (may_be_chosen_otherwise(request.headers)) return Admission::kUnkeyed;
  if (http::vary_of(response.headers) == http::Vary::kEverything) return Admission::kVary;
  if (!ends_by_itself(response.status, body)) return Admission::kUnknownEnd;
  if (freshness.lifetime <= freshness.age && !said.no_cache) return Admission::kNotFresh;
  return Admission::kStore;
}

// A guess at a lifetime is no word for sharing either, nor is no-cache: where a client shows who it is, only the
// backend's own words count.
bool may_have(const http::Headers& request, const Freshness& freshness) {
  if (request.has(HeaderId::kAuthorization) && !freshness.for_authorized) return false;
  return !(freshness.unshared && request.has(HeaderId::kCookie));
}

}  // namespace cardea::l7::cache
