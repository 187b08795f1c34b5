#include "l7/cache/key.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "l7/http/byte_set.h"

namespace cardea::l7::cache {
namespace {

// A client that names the scheme's own port means the same URL (RFC 3986 6.2.3); any other port is another one.
std::string_view without_own_port(std::string_view host, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return host;
}

}  // namespace

Url url_of(std::string_view scheme, std::string_view host, std::string_view path_and_query) {
  const size_t mark = path_and_query.find('?');
  if (mark == path_and_query.npos) return {scheme, host, path_and_query, false, {}};
  return {scheme, host, path_and_query.substr(0, mark), true, path_and_query.substr(mark + 1)};
}

Key::Key(const Url& url) {
  constexpr size_t kMarks = sizeof "://?";
  const std::string_view host = without_own_port(url.host, url.scheme);
  if (url.scheme.size() + host.size() + url.path.size() + url.query.size() + kMarks > kMax) return;
  put(url.scheme);
  put("://");
  std::transform(host.begin(), host.end(), text_.data() + size_, http::lower);
  size_ += host.size();
  put(url.path);
  if (!url.has_query) return;
  put("?");
  put(url.query);
}

void Key::put(std::string_view text) {
  if (text.empty()) return;
  std::memcpy(text_.data() + size_, text.data(), text.size());
  size_ += text.size();
}

// SipHash-1-3 as it is defined for bytes: the last word carries what is left and the length.
uint64_t Key::hash(HashKey key) const {
  flow_hash_detail::Sip sip(key);
  const auto* at = reinterpret_cast<const std::byte*>(text_.data());
  size_t left = size_;
  for (; left >= 8; at += 8, left -= 8) sip.add(load_native<uint64_t>(at));
  uint64_t last = 0;
  std::memcpy(&last, at, left);
  sip.add(last | uint64_t{size_} << 56);
  return sip.finish();
}

HashKey random_key() {
  HashKey key;
  CHECK(getentropy(&key, sizeof key) == 0);
  return key;
}

}  // namespace cardea::l7::cache
