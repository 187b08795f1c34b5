#include "l7/cache/selector.h"

#include "l7/http/byte_set.h"
#include "l7/http/edit.h"
#include "l7/http/fields.h"
#include "l7/http/vary.h"

namespace cardea::l7::cache {
namespace {

using http::HeaderId;

constexpr size_t kSelectorMax = 2048;
// What a backend sees of one client otherwise than of another though neither wrote it, or of the same client otherwise
// when it is asked on the cache's behalf.
constexpr uint64_t kUnseen = http::header_set(
    HeaderId::kXForwardedFor, HeaderId::kForwarded, HeaderId::kXRealIp, HeaderId::kVia, HeaderId::kConnection, HeaderId::kTe,
    HeaderId::kUpgrade, HeaderId::kExpect, HeaderId::kProxyAuthorization, HeaderId::kContentLength,
    HeaderId::kTransferEncoding, HeaderId::kIfNoneMatch, HeaderId::kIfModifiedSince, HeaderId::kIfMatch,
    HeaderId::kIfUnmodifiedSince, HeaderId::kRange, HeaderId::kIfRange);
// By the URL, the service's port and Request::pool.
constexpr uint64_t kInKey = http::header_set(HeaderId::kHost, HeaderId::kXForwardedHost, HeaderId::kXForwardedProto,
                                             HeaderId::kXForwardedPort);
constexpr uint64_t kPreferences =
    http::header_set(HeaderId::kAccept, HeaderId::kAcceptEncoding, HeaderId::kAcceptLanguage);

// Compares with what was kept, byte by byte, as long as it is the same.
struct Comparison {
  std::string_view kept;
  bool same = true;
  void put(char c) {
    same = same && !kept.empty() && kept.front() == c;
    if (same) kept.remove_prefix(1);
  }
};
struct Text {
  std::string& text;
  void put(char c) { text.push_back(c); }
};

template <typename Sink>
void put_preferences(std::string_view list, Sink& sink) {
  for (bool first = true; const auto element = http::next_element(list); first = false) {
    if (!first) sink.put(',');
    for (const char c : *element) {
      if (c != ' ' && c != '\t') sink.put(http::lower(c));
    }
  }
}

bool is_named(const http::Header& header, HeaderId id, std::string_view name) {
  return header.id() == id && (id != HeaderId::kOther || http::same_letters(header.name(), name));
}

// A look-alike is the same to one backend and another to the next: it has its spelling before its value, between two
// CRs, which no value has.
template <typename Sink>
void put_spelling(std::string_view spelled, std::string_view name, Sink& sink) {
  if (http::equal_without_case(spelled, name)) return;
  sink.put('\r');
  for (const char c : spelled) sink.put(http::lower(c));
  sink.put('\r');
}

// ":" and the value of all lines of that name; nothing where the request has none.
template <typename Sink>
void put_value(const Seen& request, std::string_view name, Sink& sink) {
  const HeaderId id = http::look_alike_of(name);
  if (id != HeaderId::kOther && !request.headers.has(id)) return;
  bool first = true;
  for (const http::Header& header : request.headers) {
    if (!is_named(header, id, name) || !http::is_sent_on(header, request.options)) continue;
    sink.put(first ? ':' : ',');
    first = false;
    if (id == HeaderId::kOther) put_spelling(header.name(), name, sink);
    if (http::bit(id) & kPreferences) {
      put_preferences(header.value(), sink);
    } else {
      for (const char c : header.value()) sink.put(c);
    }
  }
}

// Takes a line off the selector's beginning.
std::string_view take_line(std::string_view& selector) {
  const std::string_view line = selector.substr(0, selector.find('\n'));
  selector.remove_prefix(line.size() + 1);
  return line;
}

std::string_view name_of(std::string_view line) {
  return line.substr(0, line.find(':'));
}

}  // namespace

Seen seen_of(const Request& request) {
  static constexpr http::ConnectionOptions kNone;
  return {request.head->headers, request.options != nullptr ? *request.options : kNone};
}

std::optional<std::string> selector_of(const Seen& request, const http::Headers& response) {
  std::string selector;
  const http::Vary vary = http::vary_of(response);
  if (vary == http::Vary::kNothing) return selector;
  if (vary == http::Vary::kEverything) return {};
  bool storable = true;
  http::for_each_varying(response, [&](std::string_view name) {
    const uint64_t bit = http::bit(http::look_alike_of(name));
    storable = storable && !(bit & kUnseen) && selector.size() <= kSelectorMax;
    if (!storable || (bit & kInKey)) return;
    for (const char c : name) selector.push_back(http::lower(c));
    Text text{selector};
    put_value(request, name, text);
    selector.push_back('\n');
  });
  if (!storable || selector.size() > kSelectorMax) return {};
  return selector;
}

bool selects(std::string_view selector, const Seen& request) {
  while (!selector.empty()) {
    const std::string_view line = take_line(selector);
    const std::string_view name = name_of(line);
    Comparison comparison{line.substr(name.size())};
    put_value(request, name, comparison);
    if (!comparison.same || !comparison.kept.empty()) return false;
  }
  return true;
}

bool same_names(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (name_of(take_line(a)) != name_of(take_line(b))) return false;
  }
  return a.empty() && b.empty();
}

}  // namespace cardea::l7::cache
