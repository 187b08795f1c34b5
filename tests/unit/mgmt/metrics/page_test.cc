// The server of the metrics page on a real socket: that it answers in spite of others, and ends when it is told to.
#include "mgmt/metrics/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include "base/file_descriptor.h"
#include "mgmt/event_loop.h"
#include "mgmt/metrics/process_families.h"
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

// Left to itself the library would take between nothing and two seconds each time: of 15 times never most are short.
TEST_F(PageTest, EndsAtOnceThoughTheLibraryLooksEveryTwoSecondsOnly) {
  int at_once = 0;
  for (int i = 0; i < 15; ++i) {
    ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
    const auto begin = std::chrono::steady_clock::now();
    page_ = std::make_unique<Page>(loop_, *site_);
    at_once += std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(500);
  }
  EXPECT_GE(at_once, 8);
}

// Twice as many as it serves at a time, who come again whenever they are let go.
TEST_F(PageTest, TwoHundredClientsThatSayNothingKeepPrometheusOutForSecondsAtMost) {
  ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
  const uint16_t port = page_->port();
  std::vector<FileDescriptor> silent;
  for (int i = 0; i < 200; ++i) silent.push_back(connected(port));
  std::jthread again([&](std::stop_token stop) {
    for (size_t i = 0; !stop.stop_requested(); i = (i + 1) % silent.size()) {
      char byte;
      if (::recv(silent[i].get(), &byte, 1, MSG_DONTWAIT) == 0) silent[i] = connected(port);
      if (i == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
  for (int i = 0; i < 3; ++i) {
    const auto scraper = connected(port);
    ASSERT_EQ(::send(scraper.get(), request.data(), request.size(), 0), ssize_t(request.size()));
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(scraper.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char answer[16] = {};
    ASSERT_GT(::recv(scraper.get(), answer, sizeof answer - 1, MSG_WAITALL), 0) << "no answer for a minute";
    EXPECT_EQ(std::string(answer).substr(0, 12), "HTTP/1.1 200");
  }
}

std::string fetched(uint16_t port, const std::string& target, const std::string& more = "") {
  const auto client = connected(port);
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" + more + "\r\n";
  EXPECT_EQ(::send(client.get(), request.data(), request.size(), 0), ssize_t(request.size()));
  std::string answer;
  char piece[4096];
  for (ssize_t got; (got = ::recv(client.get(), piece, sizeof piece, 0)) > 0;) answer.append(piece, size_t(got));
  return answer;
}

TEST_F(PageTest, HasOurRowsAloneInAPageThatMayBeZipped) {
  ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
  for (int i = 0; i < 2; ++i) {  // the second time a library would have counted the first
    const auto plain = fetched(page_->port(), "/metrics");
    EXPECT_THAT(plain, testing::AllOf(testing::StartsWith("HTTP/1.1 200"), testing::HasSubstr("process_open_fds"),
                                      testing::HasSubstr("text/plain"), testing::Not(testing::HasSubstr("exposer_"))));
  }
  const auto zipped = fetched(page_->port(), "/metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(zipped, testing::HasSubstr("Content-Encoding: gzip\r\n"));
  const std::string body = zipped.substr(zipped.find("\r\n\r\n") + 4);
  std::string text(1 << 20, '\0');
  z_stream stream{};
  ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data())), stream.avail_in = uInt(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data()), stream.avail_out = uInt(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  inflateEnd(&stream);
  EXPECT_THAT(text, testing::HasSubstr("process_open_fds"));
  EXPECT_THAT(fetched(page_->port(), "/"), testing::StartsWith("HTTP/1.1 404"));
}

TEST_F(PageTest, AnAddressThatIsTakenIsNamedAndCanBeHadLater) {
  FileDescriptor taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const Endpoint at{IpAddress::v4(0x7f000001), ntohs(address.sin_port)};
  const auto refused = page_->serve(at);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("another process listens there"));
  EXPECT_TRUE(page_->waits_for(at));
  taken.close();
  EXPECT_TRUE(page_->serve(at));
  EXPECT_FALSE(page_->waits_for(at));
  const auto elsewhere = page_->serve({IpAddress::v4(0xc0000207), 9477});
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().message, testing::HasSubstr("this host does not have that address (yet)"));
}

TEST(ProcessFamilies, TellWhatClientLibrariesTell) {
  std::map<std::string, double> values;
  for (const auto& family : process_families()) {
    const auto& metric = family.metric.at(0);
    values[family.name] = family.type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value;
  }
  EXPECT_GT(values.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(values.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(values.at("process_virtual_memory_bytes"), values.at("process_resident_memory_bytes"));
  EXPECT_GE(values.at("process_open_fds"), 3);
  EXPECT_GE(values.at("process_max_fds"), values.at("process_open_fds"));
  const double now = double(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  EXPECT_LE(values.at("process_start_time_seconds"), now + 2);
  EXPECT_GT(values.at("process_start_time_seconds"), now - 3600);
}

}  // namespace
}  // namespace cardea::mgmt::metrics
