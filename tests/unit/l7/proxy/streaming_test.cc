// Bodies of every size and framing, cut at random, both ways over one connection after another: what arrives is what was
// sent, byte for byte, whichever buffers and pieces it went through. Seeded; a failure names its seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <random>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Chance {
  explicit Chance(uint32_t seed) : random(seed) {}
  size_t below(size_t n) { return n == 0 ? 0 : random() % n; }
  bool one_in(size_t n) { return below(n) == 0; }
  std::string bytes(size_t count) {
    std::string text(count, '\0');
    for (char& c : text) c = char(random());
    return text;
  }
  size_t body_size() {
    constexpr size_t kSizes[] = {0, 1, 100, 4096, 16'384, 40'000, 200'000};
    const size_t around = kSizes[below(std::size(kSizes))];
    return around + below(around / 2 + 2);
  }
  std::mt19937 random;
};

std::string chunked(std::string_view body, Chance& chance) {
  std::string text;
  while (!body.empty()) {
    const size_t size = 1 + chance.below(std::min<size_t>(body.size(), chance.one_in(3) ? 10 : 30'000));
    char digits[16];
    text.append(digits, std::to_chars(digits, digits + 16, size, 16).ptr);
    if (chance.one_in(8)) text += ";extension=\"a b\"";
    text.append("\r\n").append(body.substr(0, size)).append("\r\n");
    body.remove_prefix(size);
  }
  return text + (chance.one_in(3) ? "0\r\nTrailer: x\r\n\r\n" : "0\r\n\r\n");
}

// Behind a head: the body, by its framing.
std::string read_body(Peer& peer, const std::string& head) {
  if (head.find("Transfer-Encoding: chunked\r\n") == head.npos) {
    const size_t at = head.find("\r\nContent-Length: ");
    size_t length = 0;
    if (at != head.npos) std::from_chars(head.data() + at + 18, head.data() + head.size(), length);
    return peer.take(length);
  }
  std::string body;
  for (;;) {
    const std::string line = peer.until("\r\n");
    size_t size = 0;
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    body += peer.take(size);
    EXPECT_EQ(peer.take(2), "\r\n");
    if (size == 0) return body;
  }
}

// Sends in pieces while the other side reads.
struct Sender {
  Peer& peer;
  std::string text;
  Chance& chance;
  size_t at = 0;
  void some() {
    const size_t piece = 1 + chance.below(chance.one_in(2) ? 100 : 50'000);
    at += peer.send_what_fits(std::string_view(text).substr(at, piece));
  }
};

std::string message(std::string start, const std::string& body, bool in_chunks, Chance& chance) {
  if (chance.one_in(4)) start += "X-Padding: " + std::string(1 + chance.below(12'000), 'p') + "\r\n";
  if (in_chunks) return start + "Transfer-Encoding: chunked\r\n\r\n" + chunked(body, chance);
  return start + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void exchange(Site& site, Peer& client, Peer& backend, Chance& chance, int number) {
  const std::string up = chance.bytes(chance.body_size()), down = chance.bytes(chance.body_size());
  const std::string path = (chance.one_in(4) ? "/cached/" : "/") + std::to_string(number);
  Sender request{client, message("PUT " + path + " HTTP/1.1\r\nHost: shop.example\r\n", up, chance.one_in(2), chance), chance};
  std::string came;
  ASSERT_TRUE(run_until(site.loop(), [&] {
    request.some();
    came += backend.what_came();
    return request.at == request.text.size();
  }));
  backend.put_back(came);
  const std::string head = backend.head();
  EXPECT_THAT(head, StartsWith("PUT " + path + " "));
  EXPECT_TRUE(read_body(backend, head) == up);
  Sender response{backend, message("HTTP/1.1 200 OK\r\n", down, chance.one_in(2), chance), chance};
  came.clear();
  ASSERT_TRUE(run_until(site.loop(), [&] {
    response.some();
    came += client.what_came();
    return response.at == response.text.size();
  }));
  client.put_back(came);
  const std::string answer = client.head();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(read_body(client, answer) == down);
}

TEST(Streaming, BodiesArriveAsTheyWereSent) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(seed);
    Site site;
    Peer client = site.client();
    client.send(get("/"));
    Peer backend = site.origin().accept();
    backend.message();
    backend.send(ok(""));
    client.message();
    for (int i = 0; i < 12 && !testing::Test::HasFailure(); ++i) exchange(site, client, backend, chance, i);
    EXPECT_TRUE(site.origin().nobody_called()) << "both connections were used again";
    EXPECT_EQ(site.buffers_lent(), 0u);
  }
}

// What follows an upload that needed another buffer than its head is the next request, wherever it lies.
TEST(Streaming, ARequestBehindALargeUploadIsServed) {
  Site site;
  Peer client = site.client();
  Chance chance(1);
  const std::string body(100'000, 'u');
  Sender all{client, post("/large", body, "X: " + std::string(12'000, 'x') + "\r\n") + get("/next") + post("/third", body), chance};
  std::string came;
  std::optional<Peer> backend;
  EXPECT_TRUE(run_until(site.loop(), [&] {
    all.some();
    if (!backend && site.origin().has_caller()) backend.emplace(site.origin().accept());
    if (backend) came += backend->what_came();
    return came.size() > 112'000;
  }));
  backend->put_back(came);
  EXPECT_TRUE(backend->message().ends_with("\r\n\r\n" + body));
  backend->send(ok("1"));
  client.message();
  client.send(std::string_view(all.text).substr(all.at));
  EXPECT_THAT(backend->message(), StartsWith("GET /next "));
  backend->send(ok("2"));
  client.message();
  EXPECT_TRUE(backend->message().ends_with("\r\n\r\n" + body));
  backend->send(ok("3"));
  EXPECT_THAT(client.message(), HasSubstr("\r\n\r\n3"));
}

}  // namespace
}  // namespace cardea::l7::proxy::test
