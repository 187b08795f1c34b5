#include "mgmt/cli/api_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/file_descriptor.h"

namespace cardea::mgmt::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ApiClientTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "cardea-api-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    socket_ = folder_ + "/api.sock";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  FileDescriptor listen() {
    FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.c_str(), socket_.size() + 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    return fd;
  }

  std::string folder_, socket_;
};

// Answers the first connection that says something, as HTTP wants it; gives back what it was asked.
std::string serve_once(int listener, const std::string& response) {
  while (true) {
    const FileDescriptor fd(::accept(listener, nullptr, nullptr));
    char buffer[8192];
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) continue;  // only looked whether somebody is there
    ::send(fd.get(), response.data(), response.size(), MSG_NOSIGNAL);
    return {buffer, size_t(n)};
  }
}

TEST_F(ApiClientTest, AsksOverTheSocketAndTakesAnyStatusAsAnAnswer) {
  const FileDescriptor listener = listen();
  std::string request;
  std::thread server([&] {
    request = serve_once(listener.get(),
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"error\": \"\"}");
  });
  const auto answer = ApiClient(socket_).get("/v1/flows?client=192.0.2.7");
  server.join();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "{\"error\": \"\"}");
  EXPECT_THAT(request, StartsWith("GET /v1/flows?client=192.0.2.7 HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Host: cardea\r\n"));
}

TEST_F(ApiClientTest, SaysThatTheSocketIsMissingAndHowToStart) {
  const auto answer = ApiClient(socket_).get("/v1/status");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, StartsWith("cannot reach cardea-mgmt: " + socket_ + " does not exist\n"));
  EXPECT_THAT(answer.error().message, testing::AnyOf(HasSubstr("systemctl start cardea-mgmt"), HasSubstr("--api")));
}

TEST_F(ApiClientTest, SaysThatNobodyListens) {
  listen().close();
  const auto answer = ApiClient(socket_).get("/v1/status");
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("nobody listens on " + socket_));
}

TEST_F(ApiClientTest, NamesTheGroupThatMayUnlessItIsRoots) {
  EXPECT_THAT(why_unreachable(folder_ + "/gone", EACCES), HasSubstr("run this as root"));
  constexpr gid_t kDaemon = 1;
  ASSERT_EQ(::chown(folder_.c_str(), uid_t(-1), kDaemon), 0);
  EXPECT_THAT(why_unreachable(folder_ + "/gone", EACCES),
              HasSubstr("members of the group daemon may use it: usermod -a -G daemon"));
}

TEST_F(ApiClientTest, RefusesAPathNoSocketCanHave) {
  EXPECT_FALSE(ApiClient(std::string(200, 'x')).get("/v1/status"));
}

TEST(Escaped, LeavesOnlyWhatNeedsNoEscape) {
  EXPECT_EQ(escaped("[2001:db8::1]:80"), "%5B2001%3Adb8%3A%3A1%5D%3A80");
  EXPECT_EQ(escaped("web-1_a.b~"), "web-1_a.b~");
  EXPECT_EQ(escaped("a/b c%"), "a%2Fb%20c%25");
}

}  // namespace
}  // namespace cardea::mgmt::cli
