#include "l7/proxy/waf_question.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/peer_credentials.h"
#include "base/sought_user.h"
#include "l7/proxy/endpoint_text.h"
#include "l7/proxy/exchange.h"
#include "l7/runtime/bell.h"
#include "l7/runtime/kernel_stream.h"
#include "l7/runtime/spawn.h"

namespace cardea::l7::proxy {
namespace {

std::string_view version_of(http::Version version) {
  return version == http::Version::kHttp11 ? "1.1" : version == http::Version::kHttp20 ? "2.0" : "1.0";
}

// All that a rule may look at, the body apart.
std::string_view write_question(Exchange& x, std::string_view terms, size_t body_bytes) {
  const http::RequestHead& head = x.head;
  const AddressText client(x.record.client.address), server(x.record.listener.address);
  waf::Question q{.terms = {},
                  .client = client.view(),
                  .server = server.view(),
                  .client_port = x.record.client.port,
                  .server_port = x.record.listener.port,
                  .method = head.method_text,
                  .uri = head.has_query ? x.arena().join({head.path, "?", head.query}) : head.path,
                  .version = version_of(head.version),
                  .headers = {},
                  .body = {}};
  q.headers.reserve(head.headers.size());
  for (const http::Header& header : head.headers) q.headers.push_back({header.name(), header.value()});
  const size_t room = waf::size_of(q, terms);
  return waf::write({x.arena().characters(room), room}, q, terms, body_bytes);
}

// Of all threads.
SoughtUser& waf_user() {
  static SoughtUser user("cardea-waf");
  return user;
}

WafAnswer nobody(std::string_view why) {
  return {.kind = WafAnswer::Kind::kAway, .why = why, .verdict = {}};
}

// The queue of those that wait for a worker is the socket's own.
std::expected<FileDescriptor, WafAnswer> connect_to(const std::string& path) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof at.sun_path) return std::unexpected(nobody("no_socket"));
  std::memcpy(at.sun_path, path.data(), path.size());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(nobody("no_socket"));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    if (errno == EAGAIN) return std::unexpected(WafAnswer{.kind = WafAnswer::Kind::kFull, .why = "queue_full", .verdict = {}});
    return std::unexpected(nobody("not_running"));
  }
  if (!is_waf(socket.get())) return std::unexpected(nobody("not_ours"));
  return socket;
}

// A message of theirs as it comes: its head, then what that announces.
struct Heard {
  std::array<char, waf::kHeadBytes + waf::kAnswerMax> bytes;
  size_t end = 0;

  std::string_view all() const { return {bytes.data(), end}; }
  MutableBytes room() { return std::as_writable_bytes(std::span(bytes)).subspan(end); }
};

// Takes the messages that are whole. Nothing yet: more has to come.
std::optional<WafAnswer> digest(Heard& heard, bool& begun) {
  while (heard.end >= waf::kHeadBytes) {
    const auto head = waf::read_head(heard.all(), waf::kAnswerMax);
    if (!head) return nobody("nonsense");
    const size_t whole = waf::kHeadBytes + head->size;
    if (heard.end < whole) return {};
    if (head->kind == waf::Kind::kVerdict) {
      const auto verdict = waf::read_verdict(heard.all().substr(waf::kHeadBytes, head->size));
      return verdict ? WafAnswer{WafAnswer::Kind::kVerdict, {}, *verdict} : nobody("nonsense");
    }
    begun = true;
    heard.end -= whole;
    std::memmove(heard.bytes.data(), heard.bytes.data() + whole, heard.end);
  }
  return {};
}

// A worker says when it begins: who ends it from then on is what it was asked about, as far as anybody can tell.
WafAnswer ended(const IoResult& io, bool begun) {
  if (begun) return {.kind = WafAnswer::Kind::kLate, .why = io.status == IoStatus::kTimeout ? "time_max" : "worker_ended", .verdict = {}};
  return nobody(io.status == IoStatus::kTimeout ? "no_worker_free" : "worker_ended");
}

// A question that was taken, or waits for its turn, for as long as its client does.
struct Conversation {
  Conversation(Exchange& of, FileDescriptor socket, Instant until)
      : x(of), stream(of.loop(), std::move(socket), Endpoint{}), deadline(until), bell(of.loop()) {
    x.bell = &bell;
    x.watch.stop();
    x.watch.start();
  }
  Conversation(const Conversation&) = delete;
  ~Conversation() {
    x.watch.stop();
    x.bell = nullptr;
  }
  Arena& arena() { return x.arena(); }

  Exchange& x;
  KernelStream stream;
  const Instant deadline;
  Bell bell;  // rings when either side is done
  bool over = false;
  WafAnswer answer = nobody("client_closed");
};

Task<WafAnswer> converse(Conversation& c, std::string_view head, std::string_view body) {
  std::array<iovec, 2> pieces{iovec{const_cast<char*>(head.data()), head.size()},
                              iovec{const_cast<char*>(body.data()), body.size()}};
  const IoResult sent = co_await c.stream.write_all(std::span(pieces).first(body.empty() ? 1 : 2), c.deadline);
  if (!sent.ok()) co_return ended(sent, false);
  Heard heard;
  bool begun = false;
  for (;;) {
    const IoResult read = co_await c.stream.read(heard.room(), c.deadline);
    if (!read.ok()) co_return ended(read, begun);
    heard.end += read.bytes;
    if (auto answer = digest(heard, begun)) co_return *answer;
  }
}

Task<> hear_answer(Conversation& c, std::string_view head, std::string_view body) {
  const WafAnswer answer = co_await converse(c, head, body);
  c.answer = answer;
  c.over = true;
  c.bell.ring();
}

// Who is gone wants no verdict: the worker sees that nobody does, and ends.
Task<> hear_client_leave(Conversation& c) {
  while (!c.over && !c.x.client_gone && c.x.now() < c.deadline) co_await c.bell.wait(c.deadline);
  if (!c.over && c.x.client_gone) c.stream.cancel();
}

Task<WafAnswer> ask_once(Exchange& x, std::string_view terms, std::string_view body, Instant deadline) {
  auto socket = connect_to(x.shard().shared().waf_socket);
  if (!socket) co_return socket.error();
  const std::string_view head = write_question(x, terms, body.size());
  Conversation conversation(x, std::move(*socket), deadline);
  co_await both(hear_answer(conversation, head, body), hear_client_leave(conversation));
  co_return conversation.answer;
}

}  // namespace

bool is_waf(int socket) {
  const auto peer = peer_credentials(socket);
  return peer && is_own_or(*peer, waf_user().known());
}

void seek_waf_user() {
  waf_user().seek(monotonic_now());
}

// A worker of the rules before may have taken it in the moment when they are replaced.
Task<WafAnswer> ask_waf(Exchange& x, std::string_view terms, std::string_view body, Instant deadline) {
  for (bool again = false;; again = true) {
    const WafAnswer answer = co_await ask_once(x, terms, body, deadline);
    const bool other_rules = answer.kind == WafAnswer::Kind::kVerdict && answer.verdict.outcome == waf::Outcome::kUnknownRules;
    if (!other_rules || x.client_gone) co_return answer;
    if (again) co_return nobody("other_rules");
  }
}

}  // namespace cardea::l7::proxy
