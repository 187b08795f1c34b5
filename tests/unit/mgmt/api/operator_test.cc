// The operator's view from end to end: the command line against the API's socket, a Site behind it, and peers on the
// plan sockets in the places of cardea-l7 and the dataplane.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "mgmt/api/server.h"
#include "mgmt/cli/api_client.h"
#include "mgmt/cli/commands.h"
#include "mgmt/event_loop.h"
#include "mgmt/site.h"
#include "tests/unit/base/soon.h"
#include "tests/unit/mgmt/plan_peer.h"

namespace cardea::mgmt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using test::L7Peer;
using ::testing::Not;
using test::PlanPeer;
using ::testing::StartsWith;

constexpr auto kPatience = std::chrono::seconds(5);
constexpr const char* kConfig = R"(
cluster: { name = "here"; seed = "a seed that is long enough"; };
l7: { shards = [0]; };
caches = ( { name = "edge"; memory = "8MB"; } );
pools = (
  { name = "web"; backends = ( { address = "10.0.0.11:80"; }, { address = "10.0.0.12:80"; } ); health: { type = "none"; }; },
  { name = "api"; balance = "least_conn"; backends = ( { address = "10.0.0.21:80"; } ); health: { type = "none"; }; } );
services = (
  { name = "shop"; mode = "http"; listen = ["127.0.0.1:8080/tcp"]; pool = "web";
    routes = ( { name = "api"; match: { host = "shop.com"; path = "/api/"; }; pool = "api"; cache = "edge"; } ); } );
)";

FileDescriptor connected(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return socket;
}

class OperatorTest : public ::testing::Test {
 protected:
  OperatorTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-operator-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    write(kConfig);
    l7_ = std::make_unique<L7Peer>(folder_ + "/l7.sock");
    site_ =
        std::make_unique<Site>(loop_, Folders{folder_ + "/cardea.cfg", folder_, folder_}, [](const conf::Config&) {});
    site_->start();
    audit_.emplace(folder_);
    api_ = api::Server::listen(folder_ + "/api.sock", "", loop_, *site_, *audit_).value();
    runner_ = std::jthread([this] { loop_.run(); });
    soon([this] { return in_sync(); }, kPatience);
  }
  ~OperatorTest() override {
    loop_.stop();
    runner_.join();
    api_.reset();
    site_.reset();
    std::filesystem::remove_all(folder_);
  }

  struct Outcome {
    int exit;
    std::string out, err;
  };
  Outcome cardea(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"cardea", "--api", folder_ + "/api.sock"});
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int exit = cli::run(int(argv.size()), argv.data());
    std::fflush(stdout);
    auto out = ::testing::internal::GetCapturedStdout();
    return {exit, std::move(out), ::testing::internal::GetCapturedStderr()};
  }
  nlohmann::json json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    return nlohmann::json::parse(cardea(std::move(arguments)).out);
  }
  bool in_sync() {
    return loop_.ask([this] { return site_->view().processes.at(0).in_step; }).get();
  }
  void write(const std::string& text) { std::ofstream(folder_ + "/cardea.cfg") << text; }

  std::string folder_;
  EventLoop loop_;
  std::unique_ptr<L7Peer> l7_;
  std::unique_ptr<Site> site_;
  std::optional<api::Audit> audit_;
  std::unique_ptr<api::Server> api_;
  std::jthread runner_;
};

TEST_F(OperatorTest, WhatIsChangedIsKeptWithWhoDidIt) {
  EXPECT_THAT(cardea({"show", "audit"}).out, HasSubstr("nothing was changed yet"));
  EXPECT_EQ(cardea({"set", "backend", "web/10.0.0.12:80", "drain"}).exit, 0);
  write("nonsense");
  EXPECT_EQ(cardea({"reload"}).exit, 1);
  const auto changes = json({"show", "audit"})["changes"];
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0]["action"], "reload");
  EXPECT_NE(changes[0]["status"], 200);
  EXPECT_FALSE(changes[0]["error"].is_null());
  EXPECT_EQ(changes[1]["action"], "set backend");
  EXPECT_THAT(changes[1]["of"].get<std::string>(), HasSubstr("web/10.0.0.12:80"));
  EXPECT_TRUE(changes[1]["error"].is_null());
  for (const auto& change : changes) {
    EXPECT_EQ(change["uid"], ::getuid());
    EXPECT_EQ(change["pid"], ::getpid());
  }
  EXPECT_EQ(json({"show", "audit", "--limit", "1"})["changes"].size(), 1u);
  EXPECT_THAT(cardea({"show", "audit"}).out, ::testing::AllOf(HasSubstr("reload"), HasSubstr("done")));
}

TEST_F(OperatorTest, StatusShowsTheProcessThatTheSiteHas) {
  l7_->say("status", R"({"generation":1,"pid":7,"started_at":1000000000,"connections":1234,"plan_services":1,
                         "shards":[{"cpu":0,"busy_percent":12.5}]})");
  l7_->say("certs", R"({"certificates":[
      {"service":"shop","name":"/etc/a.crt","names":["shop.com"],"not_after":4102444800,"warning":""},
      {"service":"shop","name":"/etc/b.crt","names":["b.com"],"not_after":1000000000,"warning":"/etc/b.crt expired"}]})");
  const auto text = cardea({"status"});
  EXPECT_EQ(text.exit, 0);
  EXPECT_THAT(text.out, AllOf(HasSubstr("l7         running"), HasSubstr("cpu 0 12.5 % busy"),
                              HasSubstr("1 234 connections"), HasSubstr("warning: /etc/b.crt expired (service shop)")));
  EXPECT_THAT(text.out, Not(HasSubstr("dataplane")));
  EXPECT_THAT(text.out, Not(HasSubstr("/etc/a.crt")));
  const auto status = json({"status"});
  ASSERT_EQ(status["processes"].size(), 2u);
  EXPECT_EQ(status["processes"][0]["name"], "dataplane");
  EXPECT_EQ(status["processes"][0]["configured"], false);
  EXPECT_EQ(status["processes"][1]["in_sync"], true);
  EXPECT_EQ(status["processes"][1]["started_at"], "2001-09-09T01:46:40.000Z");
  EXPECT_THAT(text.out, HasSubstr("since 2001-09-09T01:46:40Z)"));
  EXPECT_EQ(status["certificates_due"].size(), 1u);
}

TEST_F(OperatorTest, RoutesAreListedWithWhatNoneOfThemMatches) {
  const auto routes = json({"show", "routes"})["routes"];
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0]["name"], "api");
  EXPECT_EQ(routes[0]["hosts"], nlohmann::json::array({"shop.com"}));
  EXPECT_EQ(routes[0]["cache"], "edge");
  EXPECT_EQ(routes[1]["name"], "shop");
  EXPECT_EQ(routes[1]["pool"], "web");
  EXPECT_THAT(cardea({"show", "routes"}).out, AllOf(HasSubstr("shop.com  /api/"), Not(HasSubstr("away"))));
  const auto unknown = cardea({"show", "routes", "--service", "shp"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean shop?"));
}

TEST_F(OperatorTest, ALimitIsTheApisWhoeverAsks) {
  const cli::ApiClient api(folder_ + "/api.sock");
  for (const std::string what : {"/v1/flows", "/v1/connections"}) {
    for (const char* limit : {"0", "2001", "many"}) {
      const auto answer = api.get(what + "?limit=" + limit);
      ASSERT_TRUE(answer);
      EXPECT_EQ(answer->status, 400) << what << " " << limit;
    }
    for (const char* limit : {"1", "2000"}) {
      const auto answer = api.get(what + "?limit=" + limit);
      ASSERT_TRUE(answer);
      EXPECT_NE(answer->status, 400) << what << " " << limit << ": " << answer->body;
    }
  }
  EXPECT_EQ(cardea({"show", "flows", "--limit", "2000"}).exit, 1) << "it was asked: there is no dataplane here";
}

TEST_F(OperatorTest, ListsAreNarrowedToWhatIsAskedFor) {
  EXPECT_EQ(json({"show", "backends"})["backends"].size(), 3u);
  EXPECT_EQ(json({"show", "backends", "--limit", "2"})["backends"].size(), 2u);
  cardea({"set", "backend", "web/10.0.0.12:80", "drain"});
  const auto drained = json({"show", "backends", "--state", "drain"})["backends"];
  ASSERT_EQ(drained.size(), 1u);
  EXPECT_EQ(drained[0]["address"], "10.0.0.12:80");
  EXPECT_EQ(json({"show", "routes", "--pool", "api"})["routes"].size(), 1u);
}

TEST_F(OperatorTest, WhatL7CountsStandsBesideTheHealthChecks) {
  auto segment = stats::Segment::create(folder_ + "/l7.stats", 1, 64, 1024).value();
  const auto count = [&](const char* name, const std::string& labels, uint64_t value) {
    const auto row = segment.add({stats::Kind::kCounter, name, "", labels, "Help"}).value();
    stats::add(segment.cell(0, row), value);
  };
  const std::string backend = R"(pool="api",backend="10.0.0.21:80")";
  count("cardea_l7_backend_requests_total", backend, 100);
  count("cardea_l7_backend_connect_failures_total", backend, 3);
  count("cardea_l7_backend_responses_total", backend + R"(,code_class="5xx")", 7);
  count("cardea_l7_service_requests_total", R"(service="shop")", 1000);
  const auto rows = json({"show", "backends", "--pool", "api"})["backends"];
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["l7"]["connect_failures"], 3);
  EXPECT_EQ(rows[0]["l7"]["responses"]["5xx"], 7);
  EXPECT_TRUE(rows[0]["packets_in"].is_null()) << "the dataplane does not know this pool";
  const auto pools = json({"show", "pools", "--pool", "api"})["pools"];
  EXPECT_EQ(pools[0]["balance"], "least_conn");
  EXPECT_TRUE(pools[0]["ring_size"].is_null());
  EXPECT_EQ(pools[0]["services"], nlohmann::json::array({"shop"}));
  EXPECT_EQ(pools[0]["l7"]["connect_failures"], 3);
  const auto services = json({"show", "services"})["services"];
  EXPECT_EQ(services[0]["mode"], "http");
  EXPECT_EQ(services[0]["l7"]["requests"], 1000);
  EXPECT_EQ(services[0]["backends_total"], 3);
  EXPECT_THAT(cardea({"show", "backends"}).out, AllOf(HasSubstr("NO CONNECT"), Not(HasSubstr("FLOWS TOTAL"))));
}

TEST_F(OperatorTest, CertificatesComeInTheOrderOfTheirEnd) {
  l7_->say("certs", R"({"certificates":[
      {"service":"shop","name":"late.crt","names":["a.com","b.com"],"key_type":"EC","not_before":0,
       "not_after":4102444800,"warning":""},
      {"service":"shop","name":"soon.crt","names":["c.com"],"key_type":"RSA","not_before":0,
       "not_after":1000000000,"warning":"certificate soon.crt expired"}]})");
  const auto rows = json({"show", "certs"})["certificates"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["name"], "soon.crt");
  EXPECT_LT(rows[0]["days_left"].get<double>(), 0);
  EXPECT_EQ(rows[1]["not_after"], "2100-01-01T00:00:00.000Z");
  EXPECT_THAT(cardea({"show", "certs"}).out, AllOf(HasSubstr("a.com b.com"), HasSubstr("soon.crt     expired\n")));
}

TEST_F(OperatorTest, PurgeAndExplainAskTheProcessThatServes) {
  l7_->say("purge", R"({"purged":2})");
  l7_->say(
      "cache",
      R"({"caches":[{"name":"edge","bytes":1024,"bytes_max":8000000,"objects":3,"stored":5,"evicted":0,"purged":2}]})");
  l7_->say("explain", R"({"service":"shop","route":"api","pool":"api","balance":"least_conn","backend":null,
      "candidates":[{"backend":"10.0.0.21:80","state":"up","weight":1,"why":"can serve"}],"verdict":"proxy",
      "status":null,"reason":"ok","story":["Service shop takes the request."]})");
  EXPECT_THAT(cardea({"purge", "https://shop.com/a.png"}).out, StartsWith("2 stored objects"));
  EXPECT_THAT(l7_->asked().back(), HasSubstr("https://shop.com/a.png"));
  EXPECT_EQ(cardea({"purge", "shop.com/a.png"}).exit, 2) << "no URL";
  EXPECT_THAT(cardea({"show", "cache"}).out, HasSubstr("8.0 MB"));
  EXPECT_EQ(json({"show", "cache"})["caches"][0]["stored"], 5) << "told by the cache now, not counted once a while";
  const auto told =
      cardea({"explain", "GET", "https://shop.com/api/x?q=1", "--client", "192.0.2.7:40000", "--service", "shop"});
  EXPECT_EQ(told.exit, 0);
  EXPECT_THAT(told.out, AllOf(HasSubstr("  1. Service shop takes the request."), HasSubstr("can serve"),
                              HasSubstr("proxied: route api of service shop sends this request to one backend")));
  const auto question = nlohmann::json::parse(l7_->asked().back());
  EXPECT_EQ(question["url"], "https://shop.com/api/x?q=1");
  EXPECT_EQ(question["client"], "192.0.2.7:40000");
  EXPECT_EQ(question["service"], "shop");
  EXPECT_EQ(cardea({"explain", "GET"}).exit, 2);
}

TEST_F(OperatorTest, LimitsAreShownWithWhoIsRefusedMost) {
  l7_->say("limits", R"({"limits":[{"name":"clients","key":"${client_address}","limits":"600 requests in 60 s",
      "keys":{"known":1200,"exact":false,"max":100000,"under_way":null},"refused":42,
      "offenders":[{"key":"192.0.2.7","refused":40,"refused_per_second":3.75,"since_seconds":10.2,"last_seconds":0.1}]}]})");
  const std::string shown = cardea({"show", "limits"}).out;
  EXPECT_THAT(shown, AllOf(HasSubstr("600 requests in 60 s"), HasSubstr("~1 200"), HasSubstr("192.0.2.7"), HasSubstr("3.8")));
  EXPECT_EQ(json({"show", "limits"})["limits"][0]["offenders"][0]["refused"], 40);
  EXPECT_EQ(json({"show", "limits"})["blocked_total"], 0);
  EXPECT_EQ(cardea({"unblock", "192.0.2.7"}).exit, 1);
  EXPECT_NE(cardea({"unblock", "nobody"}).exit, 0);
}

TEST_F(OperatorTest, ExchangesAreShownAsTheyEnd) {
  const nlohmann::json request{{"ts", "2026-01-01T00:00:01.250Z"}, {"status", 200},  {"t_total_ms", 1.5},
                               {"client", "192.0.2.7"},            {"route", "api"}, {"backend", "10.0.0.1:80"},
                               {"reason", "ok"},                   {"method", "GET"}, {"host", "shop.com"},
                               {"path", "/a"},                     {"query", "q=1"}};
  const nlohmann::json handshake{
      {"ts", "2026-01-01T00:00:02.000Z"}, {"status", 0}, {"proto", "tls"}, {"reason", "closed"}};
  const nlohmann::json lines = {request.dump(), handshake.dump()};
  l7_->say("tail", nlohmann::json{{"number", 3}, {"dropped", 4}, {"lines", lines}}.dump());
  const auto told = cardea({"tail", "status >= 200", "--count", "2"});
  EXPECT_EQ(told.exit, 0);
  EXPECT_THAT(told.out, AllOf(HasSubstr("00:00:01.250Z  200       1.5 ms  192.0.2.7"), HasSubstr("GET shop.com/a?q=1\n"),
                              HasSubstr("closed           tls\n")));
  EXPECT_THAT(told.err, HasSubstr("4 more came too fast"));
  const auto asked = l7_->asked();
  EXPECT_EQ("status >= 200", nlohmann::json::parse(asked.front())["filter"]);
  EXPECT_EQ(true, nlohmann::json::parse(asked.back())["end"]);
  EXPECT_EQ(3, nlohmann::json::parse(asked.back())["number"]);
}

TEST_F(OperatorTest, ConnectionsOfOurOwnTcpAreListed) {
  l7_->say("connections", R"({"connections":[{"state":"established","opened_by":"peer","local":"192.0.2.10:443",
      "peer":"192.0.2.7:40000","shard":0,"rtt_ms":0.456,"cwnd_bytes":14600,"in_flight_bytes":1460,"unacknowledged_bytes":2920,
      "unread_bytes":7,"retransmissions_in_a_row":3}],"total":1200})");
  EXPECT_THAT(cardea({"show", "connections"}).out,
              AllOf(HasSubstr("established"), HasSubstr("192.0.2.10:443"), HasSubstr("192.0.2.7:40000"), HasSubstr("0.46"),
                    HasSubstr("14 600"), HasSubstr("2 920"), HasSubstr("1 200 in all")));
  cardea({"show", "connections", "--peer", "192.0.2.7", "--limit", "7"});
  const auto question = nlohmann::json::parse(l7_->asked().back());
  EXPECT_EQ(question["peer"], "192.0.2.7");
  EXPECT_EQ(question["limit"], 7);
  EXPECT_NE(cardea({"show", "connections", "--peer", "nobody"}).exit, 0);
}

TEST_F(OperatorTest, ExchangesAreListedAndToldByTheirId) {
  l7_->say("exchanges", R"({"exchanges":[{"kind":"failed","ts":"2026-01-01T00:00:00.000Z","id":"0af7","status":502,"reason":"connect_failed",
      "service":"shop","t_total_ms":12.5,"method":"GET","path":"/a","backend":"10.0.0.1:80"}],"total":1,"story":["It came."],
      "kind":"failed","verdict":"status 502, connect_failed"})");
  EXPECT_THAT(cardea({"show", "exchanges"}).out,
              AllOf(HasSubstr("failed"), HasSubstr("connect_failed"), HasSubstr("12.5"), HasSubstr("GET /a"), HasSubstr("0af7")));
  EXPECT_EQ(json({"show", "exchanges", "--service", "other"})["exchanges"].size(), 0u);
  cardea({"show", "exchanges", "--kind", "slow", "--limit", "7"});
  const auto question = nlohmann::json::parse(l7_->asked().back());
  EXPECT_EQ(question["kind"], "slow");
  EXPECT_EQ(question["limit"], 7);
  EXPECT_EQ(cardea({"show", "exchanges", "--kind", "any"}).exit, 2);
  const auto told = cardea({"explain", "--id", "0af7"});
  EXPECT_THAT(told.out, AllOf(HasSubstr("  1. It came.\n"), HasSubstr("So it ended: status 502, connect_failed")));
  EXPECT_EQ(nlohmann::json::parse(l7_->asked().back())["id"], "0af7");
  EXPECT_EQ(cardea({"explain"}).exit, 2);
}

TEST_F(OperatorTest, ExplainTakesAPathAloneAndALineOfALog) {
  l7_->say("explain", "{}");
  const auto url_of = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "explain");
    EXPECT_EQ(cardea(words).exit, 0);
    const auto question = nlohmann::json::parse(l7_->asked().back());
    return question["method"].get<std::string>() + " " + question["url"].get<std::string>();
  };
  EXPECT_EQ(url_of({"GET", "/api/x"}), "GET http://127.0.0.1:8080/api/x") << "of the only service there is";
  EXPECT_EQ(url_of({"/api/x"}), "GET http://127.0.0.1:8080/api/x");
  EXPECT_EQ(url_of({"PUT http://shop.com/a"}), "PUT http://shop.com/a");
  EXPECT_EQ(url_of({"PUT /a?b=1 HTTP/1.1", "--service", "shop"}), "PUT http://127.0.0.1:8080/a?b=1");
  const auto unknown = cardea({"explain", "GET", "/", "--service", "shpo"});
  EXPECT_EQ(unknown.exit, 1);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("there is no http service shpo"), HasSubstr("did you mean shop?")));
}

TEST_F(OperatorTest, APathAloneIsNobodysWhereSeveralMightTakeIt) {
  std::string two = kConfig;
  two.insert(two.rfind(" );"), R"(, { name = "blog"; mode = "http"; listen = ["127.0.0.1:8081/tcp"]; pool = "web"; })");
  write(two);
  EXPECT_EQ(cardea({"reload"}).exit, 0);
  l7_->say("explain", "{}");
  const auto refused = cardea({"explain", "GET", "/"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("2 http services might take it"), HasSubstr("--service SERVICE")));
  EXPECT_EQ(cardea({"explain", "GET", "/", "--service", "blog"}).exit, 0);
  EXPECT_THAT(l7_->asked().back(), HasSubstr("http://127.0.0.1:8081/"));
}

TEST_F(OperatorTest, ExplainKnowsWhichServicesAreOfUdp) {
  auto with_dns = std::string(kConfig);
  with_dns.replace(with_dns.find("listen = [\"127.0.0.1:8080/tcp\"]"), 31, "listen = [\"203.0.113.10:8080/tcp\"]");
  with_dns.insert(with_dns.rfind(" );"), R"(,
    { name = "dns"; mode = "l4"; listen = ["203.0.113.53:53/udp"]; pool = "web"; },
    { name = "both"; mode = "l4"; listen = ["203.0.113.54:53/udp", "203.0.113.54:53/tcp"]; pool = "web"; })");
  write(with_dns + R"(
dataplane: { workers = [0]; ports = ( { name = "wan"; device = "net_null0"; addresses = ["192.0.2.2/24"]; } ); };
)");
  const auto reloaded = cardea({"reload"});
  ASSERT_EQ(reloaded.exit, 0) << reloaded.out << reloaded.err;
  PlanPeer dataplane(folder_ + "/dataplane.sock");
  dataplane.say("explain", "{}");
  const auto protocol_of = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"explain", "192.0.2.7:40000"});
    soon([&] { return cardea(words).exit == 0; }, kPatience);
    return nlohmann::json::parse(dataplane.asked().back())["protocol"].get<std::string>();
  };
  EXPECT_EQ(protocol_of({"203.0.113.53:53"}), "udp");
  EXPECT_EQ(protocol_of({"203.0.113.53:53", "tcp"}), "tcp") << "what was said counts";
  EXPECT_EQ(protocol_of({"203.0.113.54:53"}), "tcp");
  EXPECT_EQ(protocol_of({"203.0.113.10:8080"}), "tcp");
  EXPECT_EQ(protocol_of({"203.0.113.99:1"}), "tcp");
}

TEST_F(OperatorTest, AWeightHasItsLimitAndOneThatIsSetCanBeTakenBack) {
  const auto weigh = [this](const char* weight) { return cardea({"set", "weight", "web/10.0.0.11:80", weight}); };
  EXPECT_THAT(weigh("65535").out, HasSubstr("web/10.0.0.11:80: ready, weight 65535 (was: ready)"));
  const auto beyond = weigh("65536");
  EXPECT_EQ(beyond.exit, 2);
  EXPECT_THAT(beyond.err, HasSubstr("\"65536\" is not a weight: a whole number up to 65535"));
  EXPECT_THAT(weigh("config").out, HasSubstr("web/10.0.0.11:80: ready (was: ready, weight 65535)"));
  EXPECT_EQ(cardea({"set", "weight", "/10.0.0.11:80", "1"}).exit, 2);
  EXPECT_EQ(cardea({"set", "weight", "web/", "1"}).exit, 2);
}

TEST_F(OperatorTest, AReloadWithoutChangesHandsThePlanOverForFilesThatDidChange) {
  const size_t before = l7_->plans().size();
  const auto same = cardea({"reload"});
  EXPECT_EQ(same.exit, 0);
  EXPECT_THAT(same.out, HasSubstr("nothing changed"));
  EXPECT_EQ(l7_->plans().size(), before + 1);
}

TEST_F(OperatorTest, ARefusedReloadNamesWhoRefusedAndWhy) {
  l7_->refuse("service \"shop\": listen 127.0.0.1:8080: address already in use");
  const auto refused = cardea({"reload"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("cardea-l7 refused"), HasSubstr("address already in use"),
                                 HasSubstr("the plan in force keeps serving")));
  EXPECT_THAT(cardea({"status"}).out, HasSubstr("FAILED"));
}

TEST_F(OperatorTest, WhatWaitsForARestartIsSaidWithTheCommand) {
  l7_->say("status", R"({"generation":1,"pid":7,"started_at":1000000000,"connections":0,"shards":[]})");
  EXPECT_THAT(cardea({"status"}).out, HasSubstr(", in sync"));
  l7_->refuse("restart cardea-l7 to change l7.shards", control::Code::kNeedsRestart);
  const auto refused = cardea({"reload"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("generation 2 waits for a restart of cardea-l7"),
                                 HasSubstr("systemctl reload cardea-l7")));
  const auto text = cardea({"status"}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("waiting    generation 2, for a restart: systemctl reload cardea-l7\n"),
                          HasSubstr("WAITS at"), Not(HasSubstr("in sync"))));
  EXPECT_EQ(json({"status"})["waiting"]["restart"], nlohmann::json::array({"cardea-l7"}));
}

TEST_F(OperatorTest, WhoRefusedItsFirstPlanKeepsServingNothing) {
  l7_ = nullptr;
  l7_ = std::make_unique<L7Peer>(folder_ + "/l7.sock", "port 80 is taken");
  soon([this] { return !l7_->asked().empty(); }, kPatience);
  cardea({"status"});  // by now the answer to what it runs is known
  const auto refused = cardea({"reload"});
  EXPECT_EQ(refused.exit, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("cardea-l7 serves nothing until it is given a plan that it takes"),
                                 Not(HasSubstr("keeps serving"))));
  EXPECT_THAT(cardea({"status"}).out, AllOf(HasSubstr("serves nothing until"), Not(HasSubstr("keeps serving"))));
}

TEST_F(OperatorTest, AProcessWithoutAPlanIsShownAsServingNothing) {
  EXPECT_THAT(cardea({"status"}).out, HasSubstr("l7         serves nothing yet (pid "))
      << "the peer answers no question";
  l7_->say("explain", "{}");
  const auto scheme = cardea({"explain", "GET", "ftp://shop.com/"});
  EXPECT_EQ(scheme.exit, 1);
  EXPECT_THAT(scheme.err, HasSubstr("ftp://shop.com/ is no URL of http or https"));
}

// Each of them may hold a thread for two seconds, the one below for as long as it sends: nobody waits for them all.
TEST_F(OperatorTest, SilentAndEndlessClientsKeepNobodyOut) {
  std::vector<FileDescriptor> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(connected(folder_ + "/api.sock"));
  const std::string endless = "GET /v1/status HTTP/1.1\r\n" + std::string(1 << 20, 'a');
  ::send(clients[0].get(), endless.data(), endless.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(cardea({"status"}).exit, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40))
      << "half of what one after another takes";
}

TEST_F(OperatorTest, ManyAskAtTheSameTime) {
  std::vector<std::future<Result<cli::Answer>>> answers;
  for (int i = 0; i < 60; ++i)
    answers.push_back(
        std::async(std::launch::async, [this] { return cli::ApiClient(folder_ + "/api.sock").get("/v1/version"); }));
  for (auto& answer : answers) {
    const auto got = answer.get();
    EXPECT_TRUE(got && got->status == 200) << (got ? got->body : got.error().message);
  }
}

TEST_F(OperatorTest, WithoutL7ItsQuestionsSayWhoIsMissed) {
  l7_ = nullptr;
  const auto certs = cardea({"show", "certs"});
  EXPECT_EQ(certs.exit, 1);
  EXPECT_THAT(certs.err, AllOf(HasSubstr("cardea-l7"), HasSubstr("not connected")));
  for (const char* list : {"services", "routes", "pools", "backends"}) {
    const auto shown = cardea({"show", list});
    EXPECT_EQ(shown.exit, 0) << "what the file says is known without it";
    EXPECT_THAT(shown.out, HasSubstr("warning: l7 is away, its counts are its last ones: nobody answers at"));
    EXPECT_EQ(json({"show", list})["away"].size(), 1u) << "the dataplane is not of this site";
  }
  EXPECT_THAT(cardea({"top", "--once", "--interval", "0.1"}).out, HasSubstr("warning: l7 is away"));
  EXPECT_EQ(json({"status"})["connections"], nullptr);
  EXPECT_THAT(cardea({"status"}).out, HasSubstr("not connected: nobody answers at " + folder_ + "/l7.sock"));
  EXPECT_THAT(cardea({"reload"}).out, HasSubstr("cardea-l7 is not connected; it gets this plan when it is"));
  const auto flows = cardea({"show", "flows"});
  EXPECT_EQ(flows.exit, 1);
  EXPECT_THAT(flows.err, HasSubstr("this site runs without cardea-dataplane"));
}

TEST_F(OperatorTest, StatusSaysWhatKeptAProcessFromStarting) {
  l7_ = nullptr;
  l7_ = std::make_unique<L7Peer>(folder_ + "/l7.sock", "no such card", 0, control::Code::kCannotStart);
  const auto failed = [this] { return site_->view().processes.at(0).start_failure.has_value(); };
  EXPECT_TRUE(soon([&] { return loop_.ask(failed).get(); }, kPatience));
  constexpr const char* kWords = "it could not start with generation 1: no such card";
  EXPECT_THAT(cardea({"status"}).out, HasSubstr(kWords)) << "while it ends";
  l7_ = nullptr;
  EXPECT_TRUE(soon([this] { return json({"status"})["processes"][1]["connected"] == false; }, kPatience));
  EXPECT_THAT(cardea({"status"}).out, HasSubstr("not connected: " + std::string(kWords) + "; it is started again"));
  EXPECT_EQ(json({"status"})["processes"][1]["start_failure"].dump(), R"({"error":"no such card","generation":1})");
  EXPECT_THAT(cardea({"show", "services"}).out, HasSubstr(kWords));
  l7_ = std::make_unique<L7Peer>(folder_ + "/l7.sock");
  EXPECT_TRUE(soon([this] { return in_sync(); }, kPatience));
  EXPECT_EQ(json({"status"})["processes"][1]["start_failure"], nullptr);
}

}  // namespace
}  // namespace cardea::mgmt
