// Access logs of a service: their forms, conditions, samples and masks, over whole exchanges.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "tests/unit/l7/proxy/cached.h"

namespace cardea::l7::proxy::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// A site with one more log, in a file of its own; behind its end the file has everything.
class Logged {
 public:
  explicit Logged(const std::function<void(image::AccessLogT&)>& change, const Site::Change& more = {})
      : site_(std::make_unique<Site>([&](image::PlanT& plan) {
          auto log = std::make_unique<image::AccessLogT>();
          log->name = "more", log->target = folder_.file("more.log");
          change(*log);
          plan.logs.push_back(std::move(log));
          for (auto& service : plan.services) service->logs = {0, 1};
          if (more) more(plan);
        })) {}

  // An exchange with a backend.
  void ask(const std::string& path, const std::string& status = "200 OK", const std::string& fields = "") {
    Peer client = site_->client();
    client.send(get(path, fields));
    Peer backend = site_->origin().accept();
    backend.message();
    backend.send(ok("hello", "", status));
    client.message();
    line_ = site_->log_line();
  }
  Site& site() { return *site_; }
  const nlohmann::json& line() const { return line_; }  // of the site's own log
  std::string text() {
    site_.reset();
    std::ostringstream all;
    all << std::ifstream(folder_.file("more.log")).rdbuf();
    return all.str();
  }

 private:
  ScratchFolder folder_;
  std::unique_ptr<Site> site_;
  nlohmann::json line_;
};

Logged with_format(const char* format) {
  return Logged([=](image::AccessLogT& log) { log.format = format; });
}

const char* const kClock = "\\d\\d/(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/\\d{4}:\\d\\d:\\d\\d:\\d\\d";

TEST(Logs, CombinedIsApaches) {
  Logged logged = with_format("combined");
  logged.ask("/a?b=c", "200 OK", "User-Agent: \"x\" y\r\nReferer: http://r/\r\n");
  const std::string text = logged.text();
  const std::regex form("127\\.0\\.0\\.1 - - \\[" + std::string(kClock) +
                        " \\+0000\\] \"GET /a\\?b=c HTTP/1\\.1\" 200 \\d+ \"http://r/\" \"\\\\x22x\\\\x22 y\"\n");
  EXPECT_TRUE(std::regex_match(text, form)) << text;
}

TEST(Logs, ClfIsCombinedWithoutItsHeaders) {
  Logged logged = with_format("clf");
  logged.ask("/a", "404 Not Found");
  EXPECT_THAT(logged.text(), testing::ContainsRegex("\"GET /a HTTP/1.1\" 404 [0-9]+\n$"));
}

TEST(Logs, HttplogIsHaproxys) {
  Logged logged = with_format("httplog");
  logged.ask("/a");
  const std::string name = logged.site().origin().name();
  const std::string text = logged.text();
  const std::regex form("127\\.0\\.0\\.1:\\d+ \\[" + std::string(kClock) + "\\.\\d{3}\\] shop web/" + name +
                        " 0/0/0/0/0 200 \\d+ - - ---- \\d+/\\d+/0/0/0 0/0 \"GET /a HTTP/1\\.1\"\n");
  EXPECT_TRUE(std::regex_match(text, form)) << text;
}

TEST(Logs, HttplogSaysHowItEnded) {
  Logged logged([](image::AccessLogT& log) { log.format = "httplog"; });
  logged.site().origin().refuse();
  Peer client = logged.site().client();
  client.send(get("/refused"));
  client.message();
  EXPECT_EQ(logged.site().log_line()["reason"], "connect_failed");
  Peer other = logged.site().client();
  other.send("nonsense\r\n\r\n");
  other.message();
  logged.site().log_line();
  const std::string text = logged.text();
  EXPECT_THAT(text, testing::ContainsRegex(" web/[0-9.:]+ 0/0/-1/-1/0 502 [0-9]+ - - SC-- [^\n]+ \"GET /refused HTTP/1.1\"\n"));
  EXPECT_THAT(text, testing::ContainsRegex(" shop/<NOSRV> [^\n]+ 400 [0-9]+ - - PR-- [^\n]+ \"<BADREQ>\"\n"));
}

TEST(Logs, AFormOfOnesOwnHasWhatItNames) {
  Logged logged = with_format("id=${id} ${status} ${target} $${x} [${trace}] ${reused} ${t_total_ms}ms");
  logged.ask("/a?b");
  EXPECT_EQ(logged.text(), "id=" + logged.line()["id"].get<std::string>() + " 200 /a?b ${x} [-] false 0.000ms\n");
}

TEST(Logs, OnlyThoseOfWhichItsConditionHolds) {
  Logged logged([](image::AccessLogT& log) {
    log.format = "${path}";
    log.when = "status >= 500 && route = /";
  });
  logged.ask("/good");
  logged.ask("/bad", "503 Service Unavailable");
  EXPECT_EQ(logged.site().value("cardea_l7_log_lines_total", "log=\"more\""), 1u);
  EXPECT_EQ(logged.site().value("cardea_l7_log_lines_total", "log=\"access_log\""), 2u);
  EXPECT_EQ(logged.text(), "/bad\n");
}

TEST(Logs, NoneOfAMillionIsNone) {
  Logged logged([](image::AccessLogT& log) { log.sampled = 0; });
  logged.ask("/a");
  EXPECT_EQ(logged.text(), "");
}

TEST(Logs, HalfOfThemIsAboutHalf) {
  Logged logged([](image::AccessLogT& log) { log.sampled = 500'000, log.format = "${path}"; },
                [](image::PlanT& plan) { plan.services[0]->routes[0]->hosts = {"only.example"}; });
  Peer client = logged.site().client();
  for (int i = 0; i < 400; ++i) {
    client.send(get("/"));
    client.message();
    logged.site().log_line();
  }
  const uint64_t lines = logged.site().value("cardea_l7_log_lines_total", "log=\"more\"");
  EXPECT_GT(lines, 100u);
  EXPECT_LT(lines, 300u);
}

TEST(Logs, MasksHideWhatTheySayAndNothingFromConditions) {
  Logged logged([](image::AccessLogT& log) {
    log.mask_query = log.mask_client = true;
    log.format = "${client} ${client_address} ${client_port} ${query} ${target} ${request} ${referer}";
    log.when = "query = \"secret=1\" && client_address = 127.0.0.1";
  });
  logged.ask("/a?secret=1", "200 OK", "Referer: http://r/x?token=2#y\r\n");
  logged.ask("/b");
  EXPECT_EQ(logged.text(), "127.0.0.0:0 127.0.0.0 0 *** /a?*** GET /a?*** HTTP/1.1 http://r/x\n");
}

TEST(Logs, AServiceMayHaveNone) {
  Logged logged([](image::AccessLogT&) {}, [](image::PlanT& plan) { plan.services[0]->logs = {0}; });
  logged.ask("/a");
  EXPECT_EQ(logged.text(), "");
}

// Nothing of a stranger's begins a line of its own or speaks to a terminal.
TEST(Logs, ALineIsOneWhateverAStrangerSends) {
  Logged logged = with_format("${path} \"${user_agent}\" ${referer}");
  logged.ask("/a'b", "200 OK", "User-Agent: \"\\ \xff\xc2\x9b 31m\r\nReferer: \xc2\x85x\r\n");
  EXPECT_EQ(logged.text(), "/a'b \"\\x22\\x5c \\xff\\xc2\\x9b 31m\" \\xc2\\x85x\n");
}

}  // namespace
}  // namespace cardea::l7::proxy::test
