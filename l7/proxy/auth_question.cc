// What a service that says who may ask is asked: the head of a GET, of what the request brings and of what this proxy knows of
// it. What else goes with a request (attempt.cc) stands beside it.
#include <algorithm>

#include "l7/policy/forward_auth.h"
#include "l7/proxy/auth_question.h"
#include "l7/proxy/exchange.h"
#include "l7/proxy/single_header.h"
#include "l7/proxy/variables.h"

namespace cardea::l7::proxy {
namespace {

using http::HeaderId;

constexpr std::string_view kMark = "cardea-forward-auth";

// Names of which there is one value, ours.
const http::NameSet& own_names() {
  static const http::NameSet names = [] {
    http::NameSet set;
    for (const char* name : {"X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-For", "Forwarded", "CDN-Loop", "Cookie",
                             "Authorization"})
      set.add(name);
    return set;
  }();
  return names;
}

// As a backend will see it, before its route rewrites it.
std::string_view path_of(const Exchange& x) {
  return x.admitted.path.forward.empty() ? x.head.path : x.admitted.path.forward;
}

class Question {
 public:
  explicit Question(char* at) : begin_(at), at_(at) {}
  void add(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) at_ = std::ranges::copy(text, at_).out;
  }
  void add_line(std::string_view name, std::string_view value) { add({name, ": ", value, "\r\n"}); }
  std::string_view text() const { return {begin_, size_t(at_ - begin_)}; }

 private:
  char *begin_, *at_;
};

size_t room_for(const Exchange& x, const policy::ForwardAuth& auth) {
  const http::RequestHead& head = x.head;
  size_t room = 256 + auth.path.size() + head.authority.text.size() + head.method_text.size() + path_of(x).size() +
                head.query.size();
  for (const http::Header& header : head.headers) room += header.name().size() + header.value().size() + 4;
  return room;
}

// Who says twice who he is does not say it: of both the backend might take the other one.
void add_credentials(Question& to, const http::Headers& headers) {
  for (const http::Header& header : headers)
    if (header.id() == HeaderId::kCookie) to.add_line("Cookie", header.value());
  const std::string_view credentials = single_header(headers, "Authorization");
  if (!credentials.empty()) to.add_line("Authorization", credentials);
}

}  // namespace

std::string_view write_question(Exchange& x, const policy::ForwardAuth& auth) {
  Question to(x.arena().characters(room_for(x, auth)));
  to.add({"GET ", auth.path, " HTTP/1.1\r\n"});
  const std::string_view host = x.head.authority.text;
  to.add_line("Host", host.empty() ? std::string_view("-") : host);
  to.add_line("X-Forwarded-Method", x.head.method_text);
  to.add({"X-Forwarded-Uri: ", path_of(x), x.head.has_query ? "?" : "", x.head.query, "\r\n"});
  to.add_line("CDN-Loop", kMark);
  add_credentials(to, x.head.headers);
  for (const http::Header& header : x.head.headers)
    if (auth.sees(header) && !own_names().has(header)) to.add_line(header.name(), header.value());
  to.add({"\r\n"});
  return to.text();
}

std::string_view auth_key(Exchange& x, const policy::ForwardAuth& auth, std::string_view question) {
  const bool said = !auth.key.is_fixed() || !auth.key.pieces().front().text.empty();
  if (said) return write_text(x, auth.key);
  const IpAddress& client = x.record.client.address;
  const std::string_view address(reinterpret_cast<const char*>(client.bytes.data()), client.bytes.size());
  return x.arena().join({question, x.scheme(), "\n", x.told.host, "\n", x.told.port, "\n", address});
}

bool is_auth_question(const http::Headers& headers) {
  return std::ranges::any_of(headers, [](const http::Header& header) {
    return http::equal_without_case(header.name(), "CDN-Loop") && header.value().find(kMark) != std::string_view::npos;
  });
}

}  // namespace cardea::l7::proxy
