// The server of the metrics page on a real socket: that it answers in spite of others, and ends when it is told to.
#include "mgmt/metrics/page.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "base/file_descriptor.h"
#include "mgmt/event_loop.h"
#include "mgmt/site.h"

namespace cardea::mgmt::metrics {
namespace {

class PageTest : public ::testing::Test {
 protected:
  PageTest() : page_(std::make_unique<Page>(loop_, *site_)) {}
  ~PageTest() override {
    loop_.stop();
    runner_.join();
    page_.reset();
    site_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::string new_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-page-XXXXXX";
    return ::mkdtemp(pattern.data());
  }

  const std::string folder_ = new_folder();
  EventLoop loop_;
  std::unique_ptr<Site> site_ =
      std::make_unique<Site>(loop_, Folders{folder_ + "/cardea.cfg", folder_, folder_}, [](const conf::Config&) {});
  std::jthread runner_{[this] { loop_.run(); }};
  std::unique_ptr<Page> page_;
};

FileDescriptor connected(uint16_t port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

TEST_F(PageTest, EndsAtOnceThoughTheLibraryLooksEveryTwoSecondsOnly) {
  for (int i = 0; i < 3; ++i) {  // the library could be about to look by chance
    ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
    const auto begin = std::chrono::steady_clock::now();
    page_ = std::make_unique<Page>(loop_, *site_);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
  }
}

TEST_F(PageTest, ClientsThatSayNothingKeepPrometheusOutForSecondsAtMost) {
  ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
  const uint16_t port = page_->port();
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(connected(port));
  const auto scraper = connected(port);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::send(scraper.get(), request.data(), request.size(), 0), ssize_t(request.size()));
  const timeval patience{.tv_sec = 8, .tv_usec = 0};
  ::setsockopt(scraper.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char answer[16] = {};
  ASSERT_GT(::recv(scraper.get(), answer, sizeof answer - 1, MSG_WAITALL), 0) << "no answer for 8 s";
  EXPECT_EQ(std::string(answer).substr(0, 12), "HTTP/1.1 200");
}

}  // namespace
}  // namespace cardea::mgmt::metrics
