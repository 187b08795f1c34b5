#include "l7/cache/key.h"

#include <cstring>

#include "base/bytes.h"

namespace cardea::l7::cache {

Url url_of(std::string_view scheme, const http::Authority& authority, std::string_view path_and_query) {
  const size_t mark = path_and_query.find('?');
  if (mark == path_and_query.npos) return {scheme, authority, path_and_query, false, {}};
  return {scheme, authority, path_and_query.substr(0, mark), true, path_and_query.substr(mark + 1)};
}

Key::Key(const Url& url) {
  constexpr size_t kMarks = sizeof "://?";
  const http::HostText text(url.authority, url.scheme);
  const std::string_view host = text.view();
  if (url.scheme.size() + host.size() + url.path.size() + url.query.size() + kMarks > kMax) return;
  put(url.scheme);
  put("://");
  put(host);
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

}  // namespace cardea::l7::cache
