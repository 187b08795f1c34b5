// What a plan would do with a request, told by the code that does it.
#include "l7/control/explain.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "l7/plan/load.h"
#include "l7/proxy/connection.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/cache/exchange.h"
#include "tests/unit/l7/plan/images.h"

namespace cardea::l7 {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string story_of(const nlohmann::ordered_json& explained) {
  std::string all;
  for (const auto& sentence : explained["story"]) all += sentence.get<std::string>() + "\n";
  return all;
}

struct Explained {
  explicit Explained(const image::PlanT& image) : plan(load_plan(test::packed(image), resources, nullptr).value()) {}
  nlohmann::ordered_json about(const std::string& url, const std::string& method = "GET",
                               const std::string& service = "") {
    return of({method, parse_url(url).value(), service, Endpoint::parse("192.0.2.7:40000").value()});
  }
  nlohmann::ordered_json of(const ExplainRequest& request) {
    auto told = explain(*plan, request);
    return told ? *told : nlohmann::ordered_json{{"error", told.error().message}};
  }
  ScratchFolder folder;
  stats::Segment segment = stats::Segment::create(folder.file("stats"), 1, 4096, 65536).value();
  PlanResources resources{RowBook(segment), {}};
  std::shared_ptr<const LivePlan> plan;
};

// The address in the URL is one that the service listens on, or any of its family.
TEST(Explain, FindsTheServiceByWhereItListens) {
  struct Row {
    const char *listen, *url;
    bool found;
  };
  const Row rows[] = {
      {"127.0.0.1", "http://127.0.0.1:80/", true},
      {"127.0.0.1", "http://127.0.0.2:80/", false},
      {"127.0.0.1", "http://shop.example/", true},
      {"127.0.0.1", "http://shop.example:81/", false},
      {"127.0.0.1", "https://shop.example:80/", false},
      {"0.0.0.0", "http://192.0.2.1:80/", true},
      {"0.0.0.0", "http://[2001:db8::1]:80/", false},
      {"::", "http://[2001:db8::1]:80/", true},
      {"::", "http://192.0.2.1:80/", false},
  };
  for (const Row& row : rows) {
    image::PlanT image = test::plan();
    image.services[0]->listen = {{test::address(row.listen), 80}};
    const auto told = Explained(image).about(row.url);
    EXPECT_EQ(told.contains("service"), row.found) << row.listen << " " << row.url;
  }
}

TEST(Explain, SaysWhereANameLeadsWhoseTlsIsPassedThrough) {
  image::PlanT image = test::plan();
  image.pools[0]->proxy_header = image::ProxyVersion::v2;
  image.services[1]->listen = {{test::address("127.0.0.1"), 443}};
  for (const char* name : {"a.example", "h2.example"}) {
    auto route = test::route("/", 0);
    route->name = name, route->hosts = {name};
    image.services[1]->routes.push_back(std::move(route));
  }
  image.services[1]->routes[1]->conditions = std::make_unique<image::ConditionsT>();
  image.services[1]->routes[1]->conditions->alpn = {"h2"};
  Explained explained(image);
  const auto told = explained.about("https://h2.example/whatever");
  EXPECT_EQ(told["service"], image.services[1]->name);
  EXPECT_EQ(told["route"], "h2.example");
  EXPECT_EQ(told["verdict"], "proxy");
  EXPECT_EQ(told["pool"], image.pools[0]->name);
  EXPECT_THAT(story_of(told), AllOf(HasSubstr("TLS is passed through"), HasSubstr("its 1 conditions hold"),
                                    HasSubstr("PROXY protocol, version 2")));
  const auto nobody = explained.about("https://other.example/");
  EXPECT_EQ(nobody["reason"], "no_route");
  EXPECT_THAT(story_of(nobody), HasSubstr("unrecognized_name"));
  EXPECT_TRUE(explained.about("http://a.example:443/").contains("error"));
}

TEST(Explain, OfSeveralOnOnePortThatWhichKnowsTheHost) {
  image::PlanT image = test::plan();
  image.services[0]->routes[0]->hosts = {"shop.example"};
  auto blog = test::service("blog", image::Mode::http, 30080);
  blog->listen = {{test::address("127.0.0.2"), 30080}};
  blog->routes.push_back(test::route("/", 0));
  blog->routes[0]->hosts = {"blog.example"};
  image.services.push_back(std::move(blog));
  Explained explained(image);
  EXPECT_EQ(explained.about("http://shop.example:30080/")["service"], "shop");
  EXPECT_EQ(explained.about("http://blog.example:30080/")["service"], "blog");
  EXPECT_EQ(explained.about("http://nobody.example:30080/")["reason"], "no_route");
  EXPECT_EQ(explained.about("http://blog.example:30080/", "GET", "shop")["reason"], "no_route")
      << "the one that is named";
  EXPECT_THAT(explained.about("http://a:1/", "GET", "smtp")["error"].get<std::string>(), HasSubstr("no http service"));
  EXPECT_THAT(explained.about("http://a:1/", "GET", "tea")["error"].get<std::string>(), HasSubstr("no service"));
}

// The name alone does not tell which of two addresses a client reaches.
TEST(Explain, NamesEveryServiceThatAClientMayReach) {
  image::PlanT image = test::plan();
  auto admin = test::service("admin", image::Mode::http, 30080);
  admin->listen = {{test::address("127.0.0.2"), 30080}};
  admin->routes.push_back(test::route("/", 0));
  image.services.push_back(std::move(admin));
  Explained explained(image);
  const auto open = explained.about("http://shop.example:30080/");
  ASSERT_EQ(open["services"].size(), 2u);
  EXPECT_EQ(open["services"][1]["service"], "admin");
  EXPECT_EQ(open["services"][1]["listen"], "127.0.0.2:30080");
  EXPECT_THAT(story_of(open), AllOf(HasSubstr("2 services listen on port 30080"),
                                    HasSubstr("\"admin\" at 127.0.0.2:30080"), HasSubstr("--service")));
  for (const auto& sure : {explained.about("http://shop.example:30080/", "GET", "admin"),
                           explained.about("http://127.0.0.2:30080/")}) {
    EXPECT_EQ(sure["service"], "admin");
    EXPECT_EQ(sure["services"].size(), 1u);
    EXPECT_THAT(story_of(sure), Not(HasSubstr("services listen")));
  }
}

TEST(Explain, WithoutAClientNamesNoBackendThatDependsOnHim) {
  Explained explained(test::plan());
  const auto whoever = explained.of({"GET", parse_url("http://shop.example:30080/").value(), "", {}});
  for (const char* field : {"hash", "slot", "backend"}) EXPECT_EQ(whoever[field], nullptr) << field;
  EXPECT_EQ(whoever["verdict"], "proxy");
  EXPECT_THAT(story_of(whoever), HasSubstr("depends on the client's address and port"));
  EXPECT_THAT(story_of(explained.about("http://shop.example:30080/")), HasSubstr("falls on slot"));
}

TEST(Explain, SaysWhereHttpServicesListenWhenNoneDoesThere) {
  const auto told = Explained(test::plan()).about("http://shop.example:81/");
  EXPECT_THAT(told["error"].get<std::string>(), HasSubstr("there is \"shop\" on port 30080"));
}

TEST(Explain, ChoosesBySlotAsTheProxyDoes) {
  image::PlanT image = test::plan();
  image.hash_key_0 = 7, image.hash_key_1 = 9;
  image.pools[0]->backends.push_back(test::backend("127.0.0.1", 11));
  for (size_t slot = 0; slot < image.pools[0]->ring.size(); ++slot) image.pools[0]->ring[slot] = uint16_t(slot % 2);
  Explained explained(image);
  const auto told = explained.about("http://shop.example:30080/");
  const uint64_t hash = flow_hash(explained.plan->hash_key,
                                  {.source = IpAddress::parse("192.0.2.7").value(),
                                   .destination = IpAddress::parse("127.0.0.1").value(),
                                   .source_port_be = htobe16(40000),
                                   .destination_port_be = htobe16(30080)});
  EXPECT_EQ(told["hash"], fmt::format("{:#018x}", hash));
  EXPECT_EQ(told["backend"], told["slot"].get<int>() % 2 == 0 ? "127.0.0.1:9" : "127.0.0.1:11");
}

// Which of two it is hangs on the header alone, and on the client where there is none.
TEST(Explain, SaysWhatIsHashed) {
  image::PlanT image = test::plan();
  image.pools[0]->backends.push_back(test::backend("127.0.0.1", 11));
  for (size_t slot = 0; slot < image.pools[0]->ring.size(); ++slot) image.pools[0]->ring[slot] = uint16_t(slot % 2);
  image.pools[0]->balance = image::Balance::hash, image.pools[0]->hash_on = image::HashOn::header;
  image.pools[0]->hash_name = "X-Tenant";
  Explained explained(image);
  const auto named =
      explained.of({"GET", parse_url("http://shop.example:30080/").value(), "", std::nullopt, {"x-tenant: blue"}});
  EXPECT_EQ(named["hash"], fmt::format("{:#018x}", text_hash(explained.plan->hash_key, "blue")));
  EXPECT_EQ(named["balance"], "hash");
  EXPECT_THAT(named["story"].back().get<std::string>(), HasSubstr("The hash of the header \"X-Tenant\" or"));
  EXPECT_THAT(named["story"].back().get<std::string>(), HasSubstr("While that has 125 % of its share under way"));
  const auto nameless = explained.about("http://shop.example:30080/");
  EXPECT_EQ(nameless["hash"],
            fmt::format("{:#018x}", route::client_number(explained.plan->hash_key, IpAddress::parse("192.0.2.7").value())));
}

TEST(Explain, SaysWhatIsSpokenToBackends) {
  image::PlanT image = test::plan();
  image.pools[0]->http2 = image::PoolHttp2::prior_knowledge;
  Explained explained(image);
  const auto told = explained.about("http://shop.example:30080/");
  EXPECT_EQ(told["http2"], "prior_knowledge");
  EXPECT_THAT(told["story"].dump(), HasSubstr("are spoken to in HTTP/2."));
  EXPECT_FALSE(Explained(test::plan()).about("http://shop.example:30080/").contains("http2"));
}

TEST(Explain, SaysWhatElseDecides) {
  image::PlanT image = test::plan();
  image::PoolT& web = *image.pools[0];
  web.backends.push_back(test::backend("127.0.0.1", 11));
  web.backends.push_back(test::backend("127.0.0.1", 12));
  web.backends[1]->standby = true;
  web.ejection = std::make_unique<image::EjectionT>();
  web.retry = std::make_unique<image::RetryT>();
  web.retry->timeouts = true, web.retry->statuses = {503}, web.retry->budget = 10;
  web.panic = true, web.sticky_cookie = "where", web.queue_length = 5, web.queue_timeout_ms = 300;
  Explained explained(image);
  explained.plan->pools[0]->backends[2].host->ejection.eject(monotonic_now(), std::chrono::hours(1),
                                                             std::chrono::hours(1));
  const auto told = explained.about("http://shop.example:30080/");
  EXPECT_THAT(story_of(told),
              AllOf(HasSubstr("Pool \"web\" is in panic"), HasSubstr("cookie \"where\" names a backend"),
                    HasSubstr("the request waits, for 300 ms at most and with 4 others"),
                    HasSubstr("After no answer in time, status 503 another backend is asked, 2 times at most, as long as "
                              "retries are less than 10 % of the requests")));
  EXPECT_EQ(told["panic"], true);
  EXPECT_EQ(told["candidates"][0]["why"], "can serve");
  EXPECT_THAT(told["candidates"][1]["why"].get<std::string>(), HasSubstr("stands by"));
  EXPECT_THAT(told["candidates"][2]["why"].get<std::string>(), HasSubstr("ejected"));
}

TEST(Explain, SaysWhetherAnAnswerIsCompressedAsFarAsTheRequestDecides) {
  image::PlanT image = test::plan();
  auto& policies = image.services[0]->routes[0]->policies = std::make_unique<settings::PoliciesT>();
  policies->compress = std::make_unique<settings::CompressionT>();
  policies->compress->encodings = {"zstd", "gzip"}, policies->compress->types = {"text/*"};
  Explained explained(image);
  const auto asking = [&](std::vector<std::string> headers) {
    return explained.of({.method = "GET",
                         .url = parse_url("http://shop.example:30080/").value(),
                         .service = {},
                         .client = Endpoint::parse("192.0.2.7:40000").value(),
                         .headers = std::move(headers)});
  };
  const auto gzip = asking({"Accept-Encoding: br, gzip"});
  EXPECT_EQ(gzip["compression"], "gzip");
  EXPECT_THAT(story_of(gzip), HasSubstr("compressed to gzip at level 5, if it is of a type that is listed, 1024 bytes"));
  EXPECT_EQ(asking({"Accept-Encoding: br"})["compression"], "unwanted");
  EXPECT_EQ(asking({"Accept-Encoding: gzip", "Cache-Control: no-transform"})["compression"], "no_transform");
  EXPECT_EQ(Explained(test::plan()).about("http://shop.example:30080/")["compression"], nullptr);
}

TEST(Explain, AsksTheCacheAsTheExchangeWould) {
  Explained explained(test::plan());
  EXPECT_EQ(explained.about("http://shop.com:30080/cached/x")["cache_verdict"], "miss");
  cache::test::Asked asked("GET /cached/x", "Host: shop.com:30080\r\n", time(nullptr));
  ASSERT_TRUE(cache::test::store(*explained.plan->caches[0].cache, asked.scheme("http").port(30080), "body",
                                    "Cache-Control: max-age=600\r\n"));
  EXPECT_EQ(explained.about("http://shop.com:30080/cached/x")["cache_verdict"], "hit");
  EXPECT_EQ(explained.about("http://shop.com:30080/other")["cache_verdict"], nullptr);
}

// What hangs on the listener: the backend that maglev chooses, the port that a cached answer is for.
TEST(Explain, ComesInWhereTheUrlLeads) {
  image::PlanT image = test::plan();
  image.hash_key_0 = 7, image.hash_key_1 = 9;
  image.services[0]->listen = {{test::address("127.0.0.1"), 30080},
                               {test::address("127.0.0.1"), 30081},
                               {test::address("127.0.0.2"), 30081}};
  Explained explained(image);
  const auto hash = [&](const char* listener) {
    const Endpoint at = Endpoint::parse(listener).value();
    return fmt::format("{:#018x}", flow_hash(explained.plan->hash_key, {.source = IpAddress::parse("192.0.2.7").value(),
                                                                        .destination = at.address,
                                                                        .source_port_be = htobe16(40000),
                                                                        .destination_port_be = htobe16(at.port)}));
  };
  const struct {
    const char *url, *listener;
  } rows[] = {{"http://shop.example:30080/", "127.0.0.1:30080"},
              {"http://shop.example:30081/", "127.0.0.1:30081"},
              {"http://127.0.0.2:30081/", "127.0.0.2:30081"}};
  for (const auto& row : rows) {
    const auto told = explained.about(row.url);
    EXPECT_EQ(told["hash"], hash(row.listener)) << row.url;
    EXPECT_EQ(told["services"][0]["listen"], row.listener) << row.url;
  }
  cache::test::Asked asked("GET /cached/x", "Host: shop.com:30081\r\n", time(nullptr));
  ASSERT_TRUE(cache::test::store(*explained.plan->caches[0].cache, asked.scheme("http").port(30081), "body",
                                    "Cache-Control: max-age=600\r\n"));
  EXPECT_EQ(explained.about("http://shop.com:30081/cached/x")["cache_verdict"], "hit");
}

TEST(Explain, TellsWhatARouteDoesByItself) {
  image::PlanT image = test::plan();
  image::RedirectT redirect;
  redirect.scheme = "https";
  image::RespondT respond;
  respond.status = 503, respond.body = "later";
  image.services[0]->routes.push_back(test::route("/old/", redirect));
  image.services[0]->routes.push_back(test::route("/closed/", respond));
  image::FilesT files;
  files.root = "/srv", files.prefix = "/", files.index = "index.html";
  image.services[0]->routes.push_back(test::route("/files/", files));
  Explained explained(image);
  const auto moved = explained.about("http://shop.example:30080/old/x?y");
  EXPECT_EQ(moved["action"], "redirect");
  EXPECT_EQ(moved["status"], 301);
  EXPECT_EQ(moved["location"], "https://shop.example/old/x?y");
  EXPECT_THAT(story_of(moved), HasSubstr("sent to https://shop.example/old/x?y with the status 301"));
  const auto closed = explained.about("http://shop.example:30080/closed/");
  EXPECT_EQ(closed["verdict"], "respond");
  EXPECT_EQ(closed["status"], 503);
  EXPECT_THAT(story_of(closed), HasSubstr("answered 503 with the 5 bytes"));
  const auto sent = explained.about("http://shop.example:30080/files/a%20b/");
  EXPECT_EQ(sent["verdict"], "files");
  EXPECT_EQ(sent["file"], "/srv/a b/index.html");
  EXPECT_THAT(story_of(sent), HasSubstr("the file /srv/a b/index.html, where there is one"));
  EXPECT_EQ(explained.about("http://shop.example:30080/files/.git")["file"], nullptr);
}

TEST(Explain, AsksConditionsOfTheHeadersItIsGiven) {
  image::PlanT image = test::plan();
  auto beta = test::route("/b[a-z]+", 1);
  beta->name = "beta", beta->path_rule = image::PathRule::pattern;
  beta->conditions = std::make_unique<image::ConditionsT>();
  auto header = std::make_unique<image::ConditionT>();
  header->name = "X-Beta", header->rule = image::ConditionRule::exact, header->text = "1";
  beta->conditions->headers.push_back(std::move(header));
  beta->conditions->clients.emplace_back(test::address("192.0.2.0"), 24);
  image.services[0]->routes.push_back(std::move(beta));
  Explained explained(image);
  const auto of = [&](std::vector<std::string> headers, const char* client) {
    ExplainRequest request{"GET", parse_url("http://shop.example:30080/beta").value(), "", {}, std::move(headers)};
    if (client != nullptr) request.client = Endpoint::parse(client).value();
    return explained.of(request);
  };
  const auto told = of({"Accept: */*", "x-beta: 1"}, "192.0.2.7:1");
  EXPECT_EQ(told["route"], "beta");
  EXPECT_EQ(told["path_rule"], "regex");
  EXPECT_THAT(story_of(told), AllOf(HasSubstr("fits the regular expression \"/b[a-z]+\", and its 2 further conditions hold"),
                                    Not(HasSubstr("certain clients"))));
  EXPECT_EQ(of({"X-Beta: 2"}, "192.0.2.7:1")["route"], "/");
  EXPECT_EQ(of({"X-Beta: 1"}, "10.0.2.7:1")["route"], "/");
  EXPECT_THAT(story_of(of({"X-Beta: 1"}, nullptr)), HasSubstr("Some routes of the service are for certain clients"));
  EXPECT_THAT(of({"no header"}, nullptr)["error"].get<std::string>(), HasSubstr("no such request can be sent"));
}

TEST(Explain, TellsSharesAndWhatIsRewritten) {
  image::PlanT image = test::plan();
  auto& proxy = *image.services[0]->routes[0]->action.AsProxy();
  proxy.shares = {{0, 3}, {1, 1}}, proxy.prefix = "/v2/", proxy.host = "inner";
  const auto random = Explained(image).about("http://shop.example:30080/x");
  EXPECT_EQ(random["pool"], nullptr);
  EXPECT_EQ(random["split"][1]["weight"], 1);
  EXPECT_EQ(random["forward_path"], "/v2/x");
  EXPECT_EQ(random["forward_host"], "inner");
  EXPECT_THAT(story_of(random), HasSubstr("2 pools: \"web\" 3, \"mail\" 1. Each request falls to one of them at random."));
  proxy.split_by = image::SplitBy::client;
  Explained by_client(image);
  const auto told = by_client.about("http://shop.example:30080/x");
  const auto& action = std::get<route::Proxy>(by_client.plan->services[0]->routes[0].action);
  const auto& share = action.share(route::client_number(by_client.plan->hash_key, IpAddress::parse("192.0.2.7").value()));
  EXPECT_EQ(told["pool"], by_client.plan->pools[share.pool]->name);
}

}  // namespace
}  // namespace cardea::l7
