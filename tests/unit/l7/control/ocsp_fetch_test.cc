// One question over a real socket, to responders of every kind.
#include "l7/control/ocsp_fetch.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file_descriptor.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;

// Takes one connection, reads the question and does what it is told with it.
struct Responder {
  explicit Responder(std::function<void(int)> answer) : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof at;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size);
    url = fmt::format("http://127.0.0.1:{}/ocsp?x", ntohs(at.sin_port));
    thread = std::thread([this, answer = std::move(answer)] {
      const FileDescriptor client(::accept(socket.get(), nullptr, nullptr));
      char byte;
      while (!heard.ends_with("question") && ::recv(client.get(), &byte, 1, 0) == 1) heard += byte;
      answer(client.get());
    });
  }
  ~Responder() { end(); }
  void end() {
    ::shutdown(socket.get(), SHUT_RDWR);
    if (thread.joinable()) thread.join();
  }

  FileDescriptor socket;
  std::string url, heard;
  std::thread thread;
};

bool send_text(int socket, std::string_view text) {
  return ::send(socket, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
}

void until_closed(int socket) {
  char byte;
  while (::recv(socket, &byte, 1, 0) > 0) {
  }
}

TEST(OcspFetch, PostsTheQuestionAndGivesTheBody) {
  Responder responder([](int client) { send_text(client, "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nanswer"); });
  const OcspAnswer answer = fetch_ocsp(responder.url, "question", 5s);
  ASSERT_TRUE(answer.has_value()) << answer.error().why;
  EXPECT_EQ(*answer, "answer");
  responder.end();
  EXPECT_TRUE(responder.heard.starts_with("POST /ocsp?x HTTP/1.0\r\nHost: 127.0.0.1:")) << responder.heard;
  EXPECT_NE(responder.heard.find("\r\nContent-Type: application/ocsp-request\r\n"), std::string::npos);
}

TEST(OcspFetch, WorksWhereDescriptorsHaveLargeNumbers) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 2048));
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 1100) GTEST_SKIP() << "so many descriptors are not allowed here";
  std::vector<FileDescriptor> many;
  while (many.empty() || many.back().get() < 1050) many.emplace_back(::eventfd(0, EFD_CLOEXEC));
  Responder responder([](int client) { send_text(client, "HTTP/1.0 200 OK\r\n\r\nanswer"); });
  EXPECT_EQ(fetch_ocsp(responder.url, "question", 5s).value_or("none"), "answer");
}

TEST(OcspFetch, ADeadlineHoldsForWhoIsSilentAndForWhoSendsByteByByte) {
  Responder silent(until_closed);
  const Instant begun = monotonic_now();
  const OcspAnswer none = fetch_ocsp(silent.url, "question", 50ms);
  ASSERT_FALSE(none.has_value());
  EXPECT_TRUE(none.error().away);
  Responder slow([](int client) {
    while (send_text(client, "H")) std::this_thread::sleep_for(5ms);
  });
  EXPECT_FALSE(fetch_ocsp(slow.url, "question", 50ms).has_value());
  EXPECT_LT(monotonic_now() - begun, 3s);
}

TEST(OcspFetch, LinesWithoutEndAreNotRead) {
  Responder endless([](int client) {
    send_text(client, "HTTP/1.0 200 OK\r\n");
    while (send_text(client, "X-More: and more of it\r\n")) {
    }
  });
  const OcspAnswer answer = fetch_ocsp(endless.url, "question", 60s);
  ASSERT_FALSE(answer.has_value());
  EXPECT_FALSE(answer.error().away);
}

TEST(OcspFetch, StopsWhenItIsTold) {
  Responder silent(until_closed);
  const FileDescriptor stop(::eventfd(1, EFD_CLOEXEC));
  const Instant begun = monotonic_now();
  EXPECT_FALSE(fetch_ocsp(silent.url, "question", 60s, stop.get()).has_value());
  EXPECT_LT(monotonic_now() - begun, 10s);
  silent.end();
}

TEST(OcspFetch, AsksNobodyButHttp) {
  for (const char* url : {"https://127.0.0.1/", "ldap://127.0.0.1/", "nonsense", "http:///x", "http://127.0.0.1:1/"})
    EXPECT_TRUE(fetch_ocsp(url, "question", 1s).error().away) << url;
}

}  // namespace
}  // namespace cardea::l7
