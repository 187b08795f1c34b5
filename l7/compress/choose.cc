#include "l7/compress/choose.h"

#include <algorithm>
#include <array>

#include "l7/compress/wish.h"
#include "l7/http/accept_encoding.h"
#include "l7/http/cache_control.h"
#include "l7/http/entity_tag.h"
#include "l7/http/fields.h"
#include "l7/http/grpc.h"
#include "l7/http/vary.h"

namespace cardea::l7::compress {
namespace {

using http::HeaderId;

bool has_whole_body(uint16_t status) {
  return status >= 200 && status != 204 && status != 205 && status != 206 && status != 304;
}

bool is_coded(const http::Headers& response) {
  return std::ranges::any_of(response, [](const http::Header& header) {
    return header.id() == HeaderId::kContentEncoding && !http::equal_without_case(header.value(), "identity");
  });
}

// Messages of gRPC are compressed one by one, by who speaks it.
bool is_of_type(const Settings& settings, const http::Headers& response) {
  const std::string_view type = response.value(HeaderId::kContentType);
  return !response.repeated(HeaderId::kContentType) && !http::is_grpc(type) && lists_type(settings.types, type);
}

bool is_private(const http::Headers& response, const http::CacheControl& control) {
  return response.has(HeaderId::kSetCookie) || control.is_private || control.no_store;
}

bool has_sound_tag(const http::Headers& response) {
  if (!response.has(HeaderId::kEtag)) return true;
  return !response.repeated(HeaderId::kEtag) && http::parse_entity_tag(response.value(HeaderId::kEtag));
}

bool has_strong_tag(const http::Headers& response) {
  const auto tag = http::parse_entity_tag(response.value(HeaderId::kEtag));
  return tag && !tag->weak;
}

bool says_vary(const http::Headers& response) {
  bool says = false;
  http::for_each_varying(response, [&says](std::string_view name) {
    says = says || name == "*" || http::equal_without_case(name, "Accept-Encoding");
  });
  return says;
}

// What the answer alone says; kCompressed: some client may get it so.
Why candidate(const Settings& settings, const http::ResponseHead& response, std::optional<uint64_t> length) {
  const http::Headers& headers = response.headers;
  if (!has_whole_body(response.status)) return Why::kStatus;
  if (is_coded(headers)) return Why::kCoded;
  if (!is_of_type(settings, headers)) return Why::kType;
  const http::CacheControl control = http::cache_control(headers);
  if (control.no_transform) return Why::kNoTransform;
  if (!settings.private_too && is_private(headers, control)) return Why::kPrivate;
  if (!has_sound_tag(headers)) return Why::kEntityTag;
  return length && (*length < settings.size_min || *length == 0) ? Why::kSmall : Why::kCompressed;
}

// What the client wants most; of equals the first. Nothing: none of them, or rather the body as it is.
const Offer* wanted(const Settings& settings, const http::Headers& request) {
  const Offer* best = nullptr;
  uint16_t most = 0;
  for (const Offer& offer : settings.offers) {
    const uint16_t quality = http::quality(request, name(offer.coding));
    if (quality > most) best = &offer, most = quality;
  }
  return http::quality(request, "identity") > most ? nullptr : best;
}

// A 304 about what the client was given compressed, whose tag is weak there.
bool confirms_weak_tag(const http::Headers& request, const http::Headers& response) {
  const auto tag = http::parse_entity_tag(response.value(HeaderId::kEtag));
  if (!tag || tag->weak) return false;
  return std::ranges::any_of(request, [&tag](const http::Header& header) {
    const size_t at = header.id() == HeaderId::kIfNoneMatch ? header.value().find(tag->opaque) : std::string_view::npos;
    return at != std::string_view::npos && header.value().substr(0, at).ends_with("W/");
  });
}

// What has no body to compress, or a part of one, is of an answer that other clients get otherwise, as far as it says.
Choice without_body(const Settings& settings, const http::RequestHead& request, const http::ResponseHead& response) {
  const http::Headers& headers = response.headers;
  const bool part = response.status == 206, same = response.status == 304;
  const bool typed = headers.has(HeaderId::kContentType);
  const bool concerned = (part && is_of_type(settings, headers)) || (same && (!typed || is_of_type(settings, headers)));
  if (!concerned || is_coded(headers)) return {};
  return {Why::kStatus, {}, !says_vary(headers), same && confirms_weak_tag(request.headers, headers)};
}

}  // namespace

std::string_view word(Why why) {
  constexpr std::array<std::string_view, 10> kWords{"compressed", "status",     "coded", "no_transform", "type",
                                                    "private",    "entity_tag", "small", "old_client",   "unwanted"};
  return kWords[size_t(why)];
}

Wish wish_of(const Settings& settings, const http::RequestHead& request) {
  if (request.version == http::Version::kHttp10) return {Why::kOldClient, nullptr};
  if (http::cache_control(request.headers).no_transform) return {Why::kNoTransform, nullptr};
  const Offer* const offer = wanted(settings, request.headers);
  return {offer != nullptr ? Why::kCompressed : Why::kUnwanted, offer};
}

Choice choose(const Settings& settings, const http::RequestHead& request, const http::ResponseHead& response,
              std::optional<uint64_t> length) {
  const Why why = candidate(settings, response, length);
  if (why == Why::kStatus) return without_body(settings, request, response);
  if (why != Why::kCompressed) return {why, {}, false, false};
  const bool varies = !says_vary(response.headers);
  const Wish wish = wish_of(settings, request);
  if (wish.why != Why::kCompressed) return {wish.why, {}, varies, false};
  return {Why::kCompressed, *wish.offer, varies, has_strong_tag(response.headers)};
}

}  // namespace cardea::l7::compress
