// The server of the metrics page on a real socket: that it answers in spite of others, and ends when it is told to.
#include "mgmt/metrics/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zlib.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <thread>

#include "base/file_descriptor.h"
#include "mgmt/event_loop.h"
#include "mgmt/metrics/keep_served.h"
#include "mgmt/metrics/process_families.h"
#include "mgmt/site.h"
#include "tests/unit/base/soon.h"

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

// Left to itself the library would take between nothing and two seconds each time, twenty in all.
TEST_F(PageTest, EndsAtOnceThoughTheLibraryLooksEveryTwoSecondsOnly) {
  std::chrono::nanoseconds all{0};
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(page_->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
    const auto begin = std::chrono::steady_clock::now();
    page_ = std::make_unique<Page>(loop_, *site_);
    all += std::chrono::steady_clock::now() - begin;
  }
  EXPECT_LT(all, std::chrono::seconds(10));
}

// Twice as many as it serves at a time, who come again whenever they are let go. Prometheus waits for ten seconds; of
// three times this host may be busy with something else twice.
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
  auto quickest = std::chrono::nanoseconds::max();
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto scraper = connected(port);
    ASSERT_EQ(::send(scraper.get(), request.data(), request.size(), 0), ssize_t(request.size()));
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(scraper.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char answer[16] = {};
    ASSERT_GT(::recv(scraper.get(), answer, sizeof answer - 1, MSG_WAITALL), 0) << "no answer for a minute";
    EXPECT_EQ(std::string(answer).substr(0, 12), "HTTP/1.1 200");
    quickest = std::min<std::chrono::nanoseconds>(quickest, std::chrono::steady_clock::now() - begin);
  }
  EXPECT_LT(quickest, std::chrono::seconds(10));
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

// A port of this host's that another process has, and gives up when it is told to.
struct TakenPort {
  TakenPort() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
    at = {IpAddress::v4(0x7f000001), ntohs(address.sin_port)};
  }
  FileDescriptor socket;
  Endpoint at;
};

TEST_F(PageTest, AnAddressThatIsTakenIsNamedAndCanBeHadLater) {
  TakenPort taken;
  const auto refused = page_->serve(taken.at);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("another process listens there"));
  EXPECT_TRUE(page_->waits_for(taken.at));
  taken.socket.close();
  EXPECT_TRUE(page_->serve(taken.at));
  EXPECT_FALSE(page_->waits_for(taken.at));
  const auto elsewhere = page_->serve({IpAddress::v4(0xc0000207), 9477});
  ASSERT_FALSE(elsewhere);
  EXPECT_THAT(elsewhere.error().message, testing::HasSubstr("this host does not have that address (yet)"));
}

class KeptPage : public PageTest {
 protected:
  void keep(const Endpoint& at) {
    loop_.ask([this, at] {
      keep_served(loop_, *page_, at, [this](std::string why) { warned_.push_back(std::move(why)); },
                  std::chrono::milliseconds(5));
    }).get();
  }
  std::vector<std::string> warned() {
    return loop_.ask([this] { return warned_; }).get();
  }
  std::vector<std::string> warned_;
};

TEST_F(KeptPage, IsTriedForAgainUntilItIsThereAndThenNoMore) {
  TakenPort taken;
  keep(taken.at);
  ASSERT_TRUE(soon([&] { return warned().size() >= 3; })) << "it is not tried again";
  for (const std::string& why : warned()) EXPECT_THAT(why, testing::HasSubstr("another process listens there"));
  taken.socket.close();
  ASSERT_TRUE(soon([&] { return warned().back().empty(); })) << "it is not had, or nobody is told";
  EXPECT_THAT(fetched(taken.at.port, "/metrics"), testing::StartsWith("HTTP/1.1 200"));
  const size_t times = warned().size();
  keep(taken.at);  // by a reload that leaves it where it is
  EXPECT_EQ(warned().size(), times + 1);
  EXPECT_EQ(warned().back(), "");
}

TEST_F(KeptPage, IsNotTriedForWhereItIsNotWantedAnyMore) {
  TakenPort taken;
  keep(taken.at);
  keep({IpAddress::v4(0x7f000001), 0});
  EXPECT_EQ(warned().back(), "");
  taken.socket.close();
  const size_t times = warned().size();
  std::promise<void> later;  // behind what was to be tried
  loop_.post([&] { loop_.post_after(std::chrono::milliseconds(50), [&] { later.set_value(); }); });
  later.get_future().get();
  EXPECT_EQ(warned().size(), times);
  EXPECT_NE(page_->port(), taken.at.port);
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
