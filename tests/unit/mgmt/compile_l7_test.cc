#include "mgmt/compile_l7.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conf/findings_text.h"
#include "conf/read.h"
#include "dataplane/plan_generated.h"
#include "l7/plan_generated.h"
#include "l7/plan_schema.h"
#include "mgmt/compile_l4.h"

namespace cardea::mgmt {
namespace {

namespace image = l7::image;

constexpr const char* kBoth = R"(
cluster: { name = "test"; seed = "0123456789abcdef0123456789abcdef"; };
dataplane: { workers = [0]; ports = ( { name = "wan"; device = "net_null0"; addresses = ["192.0.2.2/24"]; } ); };
l7: { shards = [0, 1]; access_log = "stderr"; access_log_ring = "2MiB"; buffers = "64MiB"; compression = "32MiB"; drain_timeout = "90s"; hand_over_timeout = "2h"; ticket_keys = "/etc/cardea/tls/tickets"; geo: { countries = "/g/c.mmdb"; as_numbers = "/g/a.mmdb"; }; };
caches = ( { name = "edge"; memory = "2MiB"; object_max = "64KiB"; stale_on_error = "90s"; } );
pools = (
  { name = "unused"; backends = ( { address = "10.0.0.9:1"; } ); },
  { name = "dns"; backends = ( { address = "10.0.0.53:53"; } ); },
  { name = "web"; ring_size = 1009; connect_timeout = "250ms"; response_timeout = "4s"; idle_timeout = "5s"; idle_connections = 6; retries = 3;
    retry: { on = ["timeout", "503", "429", "unsafe_methods"]; budget = 7; timeout = "1s"; }; response_header_max = "32KiB"; processing_timeout = "2m"; proxy_protocol = "v2";
    backends = ( { address = "10.0.0.11:8080"; weight = 3; connections_max = 7; }, { address = "10.0.0.12:8080"; } );
    tls: { server_name = "origin"; verify = false; }; },
  { name = "mail"; balance = "least_conn"; http2 = "prior_knowledge"; backends = ( { address = "127.0.0.1:2525"; } ); } );
services = (
  { name = "names"; listen = "203.0.113.53:53/udp"; pool = "dns"; },
  { name = "both"; listen = "203.0.113.9:80/tcp"; pool = "web"; },
  { name = "shop"; mode = "http"; listen = ["203.0.113.10:443/tcp", "127.0.0.1:8443/tcp", "[::1]:8443/tcp"];
    tls: { certificates = ( { cert = "/c.crt"; key = "/c.key"; } ); version_min = "1.3"; };
    routes = ( { name = "api"; match: { host = ["Shop.com", "*.shop.com"]; path = "/api"; }; pool = "web"; cache = "edge"; },
               { match: { path = "/x"; }; pool = "web"; } );
    pool = "mail"; header_max = "8KiB"; body_max = "5MB"; request_timeout = "3s"; idle_timeout = "13s"; body_timeout = "14s";
    rate_min = "500B"; rate_window = "7s"; linger_timeout = "9s"; source_connections_max = 11; http2 = false; },
  { name = "smtp"; mode = "tcp"; listen = "127.0.0.1:25/tcp"; pool = "mail"; connections_max = 12; } );
)";

std::string conf_with(const std::string& routes) {
  const std::string all = kBoth, begin = "routes = ( ";
  const size_t at = all.find(begin) + begin.size();
  return all.substr(0, at) + routes + all.substr(at);
}

struct Compiled {
  conf::Config config;
  RingCache rings;
  std::vector<PoolState> states;
  Image bytes;
  const image::Plan* plan = nullptr;

  explicit Compiled(const Runtime& runtime = {}, const char* text = kBoth) {
    auto read = conf::read_text(text, "t.cfg");
    EXPECT_TRUE(read.config) << conf::findings_text(read.findings, read.source);
    config = std::move(*read.config);
    states = pool_states(config, runtime, rings).value();
    bytes = compile_l7(config, states, 4).value();
    flatbuffers::Verifier verifier(bytes.data(), bytes.size());
    EXPECT_TRUE(verifier.VerifyBuffer<image::Plan>(l7::kPlanIdentifier));
    plan = image::GetPlan(bytes.data());
  }
};

TEST(CompileL7, HasTheServicesAndPoolsOfL7Alone) {
  const Compiled compiled;
  const auto& plan = *compiled.plan;
  EXPECT_EQ(plan.schema(), l7::kPlanSchema);
  EXPECT_EQ(plan.generation(), 4u);
  EXPECT_EQ(plan.hash_key_0(), hash_key(compiled.config.cluster).k0);
  EXPECT_EQ(plan.settings()->shards()->size(), 2u);
  ASSERT_EQ(plan.logs()->size(), 1u);
  EXPECT_EQ(plan.logs()->Get(0)->name()->str(), "access_log");
  EXPECT_EQ(plan.logs()->Get(0)->target()->str(), "stderr");
  EXPECT_EQ(plan.logs()->Get(0)->format()->str(), "json");
  for (const auto* service : *plan.services()) EXPECT_EQ(service->logs()->size(), 1u);
  EXPECT_EQ(plan.settings()->access_log_ring_bytes(), 2u << 20);
  EXPECT_EQ(plan.settings()->buffer_bytes_max(), 64u << 20);
  EXPECT_EQ(plan.settings()->compression_bytes_max(), 32u << 20);
  EXPECT_EQ(plan.settings()->drain_timeout_ms(), 90'000u);
  EXPECT_EQ(plan.settings()->hand_over_timeout_ms(), 7'200'000u);
  EXPECT_EQ(plan.settings()->ticket_keys()->str(), "/etc/cardea/tls/tickets");
  EXPECT_EQ(plan.geo()->countries()->str(), "/g/c.mmdb");
  EXPECT_EQ(plan.geo()->as_numbers()->str(), "/g/a.mmdb");
  ASSERT_EQ(plan.pools()->size(), 2u);
  EXPECT_EQ(plan.pools()->Get(0)->name()->str(), "web");
  EXPECT_EQ(plan.pools()->Get(1)->name()->str(), "mail");
  ASSERT_EQ(plan.services()->size(), 2u);
  EXPECT_EQ(plan.caches()->Get(0)->memory_bytes(), 2u << 20);
  EXPECT_EQ(plan.caches()->Get(0)->object_bytes_max(), 64u << 10);
  EXPECT_EQ(plan.caches()->Get(0)->stale_on_error_s(), 90u);
}

TEST(CompileL7, PoolsCarryWhatTheirBackendsNeed) {
  const Compiled compiled;
  const auto& web = *compiled.plan->pools()->Get(0);
  EXPECT_EQ(web.connect_timeout_ms(), 250u);
  EXPECT_EQ(web.response_timeout_ms(), 4000u);
  EXPECT_EQ(web.idle_timeout_ms(), 5000u);
  EXPECT_EQ(web.idle_max(), 6u);
  EXPECT_EQ(web.retries(), 3u);
  EXPECT_EQ(std::vector<uint16_t>(web.retry()->statuses()->begin(), web.retry()->statuses()->end()),
            (std::vector<uint16_t>{503, 429}));
  EXPECT_TRUE(web.retry()->timeouts() && web.retry()->unsafe_methods() && !web.retry()->bad_responses());
  EXPECT_EQ(web.retry()->budget(), 7u);
  EXPECT_EQ(web.retry()->attempt_timeout_ms(), 1000u);
  EXPECT_EQ(web.response_header_bytes_max(), 32'768u);
  EXPECT_EQ(web.processing_timeout_ms(), 120'000u);
  EXPECT_EQ(web.proxy_header(), image::ProxyVersion::v2);
  EXPECT_EQ(compiled.plan->pools()->Get(1)->http2(), image::PoolHttp2::prior_knowledge);
  EXPECT_EQ(web.tls()->server_name()->str(), "origin");
  EXPECT_FALSE(web.tls()->verify());
  EXPECT_EQ(web.backends()->Get(0)->connections_max(), 7u);
  EXPECT_EQ(web.backends()->Get(0)->name()->str(), "10.0.0.11:8080");
  const auto& mail = *compiled.plan->pools()->Get(1);
  EXPECT_EQ(mail.balance(), image::Balance::least_conn);
  EXPECT_EQ(mail.ring(), nullptr);
  EXPECT_EQ(mail.tls(), nullptr);
  EXPECT_DOUBLE_EQ(compiled.states[3].share_of(0), 1.0);
}

// Every way to balance, with the ring that it needs and none that it does not.
TEST(CompileL7, PoolsAreBalancedAsTheySay) {
  struct Row {
    const char* words;
    image::Balance balance;
    bool ring;
  };
  for (const Row& row : {Row{"round_robin", image::Balance::round_robin, false}, {"random", image::Balance::random, false},
                         {"p2c", image::Balance::p2c, false}, {"source_hash", image::Balance::source_hash, true},
                         {"maglev", image::Balance::maglev, true},
                         {"hash\"; hash_on = \"cookie\"; hash_name = \"where\"; hash_load_max = 150; retries = 2; "
                          "response_header_max = \"2KiB", image::Balance::hash, true}}) {
    const std::string all = kBoth, from = "least_conn";
    const std::string text = std::string(all).replace(all.find(from), from.size(), row.words);
    const Compiled compiled({}, text.c_str());
    const auto& mail = *compiled.plan->pools()->Get(1);
    EXPECT_EQ(mail.balance(), row.balance) << row.words;
    EXPECT_EQ(mail.ring() != nullptr, row.ring) << row.words;
    if (row.balance != image::Balance::hash) continue;
    EXPECT_EQ(mail.hash_on(), image::HashOn::cookie);
    EXPECT_EQ(mail.hash_name()->str(), "where");
    EXPECT_EQ(mail.hash_load_max(), 150u);
  }
}

TEST(CompileL7, ServicesChooseTheirLogs) {
  std::string text = kBoth;
  const auto replace = [&text](const std::string& from, const std::string& to) { text.replace(text.find(from), from.size(), to); };
  replace("access_log_ring", "access_logs = ( { name = \"errors\"; to = \"syslog:192.0.2.9:514\"; format = \"httplog\"; when = "
                             "\"status >= 500\"; sample = 10; mask = [\"client\"]; rotate_size = \"1MB\"; rotate_keep = 2; facility = "
                             "\"daemon\"; }, { name = \"all\"; to = \"stdout\"; } ); access_log_ring");
  replace("mode = \"http\";", "mode = \"http\"; access_logs = [\"all\", \"access_log\"];");
  replace("mode = \"tcp\";", "mode = \"tcp\"; access_logs = \"none\";");
  const Compiled compiled({}, text.c_str());
  const auto& plan = *compiled.plan;
  ASSERT_EQ(plan.logs()->size(), 3u);
  const auto& errors = *plan.logs()->Get(1);
  EXPECT_EQ(errors.target()->str(), "syslog:192.0.2.9:514");
  EXPECT_EQ(errors.when()->str(), "status >= 500");
  EXPECT_EQ(errors.sampled(), 100'000u);
  EXPECT_TRUE(errors.mask_client());
  EXPECT_FALSE(errors.mask_query());
  EXPECT_EQ(errors.rotate_bytes(), 1'000'000u);
  EXPECT_EQ(errors.rotate_keep(), 2u);
  EXPECT_EQ(errors.facility(), 3);
  const auto& chosen = *plan.services()->Get(0)->logs();
  ASSERT_EQ(chosen.size(), 2u);
  EXPECT_EQ(chosen.Get(0), 0u);
  EXPECT_EQ(chosen.Get(1), 2u);
  EXPECT_EQ(plan.services()->Get(1)->logs()->size(), 0u);
}

TEST(CompileL7, ServicesSayWhatExchangesAreCalled) {
  const std::string all = kBoth, from = "mode = \"http\";";
  const std::string text = std::string(all).replace(
      all.find(from), from.size(),
      from + " request_id: { header = \"X-Call-Id\"; answer = true; }; trace = \"begin\"; trace_sample = 5;");
  const Compiled plain, compiled({}, text.c_str());
  const auto& shop = *compiled.plan->services()->Get(0);
  EXPECT_EQ(shop.request_id()->header()->str(), "X-Call-Id");
  EXPECT_TRUE(shop.request_id()->answers());
  EXPECT_EQ(shop.trace(), image::TraceRule::begun);
  EXPECT_EQ(shop.trace_sampled(), 50'000u);
  EXPECT_EQ(plain.plan->services()->Get(0)->request_id(), nullptr);
  EXPECT_EQ(plain.plan->services()->Get(0)->trace(), image::TraceRule::pass);
}

TEST(CompileL7, ATcpServiceMayHaveRoutesByName) {
  const std::string all = kBoth, from = "pool = \"mail\"; ";
  const size_t at = all.rfind(from);
  ASSERT_NE(at, std::string::npos);
  const std::string routes = "routes = ( { name = \"a\"; match: { host = \"*.a.com\"; alpn = [\"h2\"]; client = \"10.0.0.0/8\"; "
                             "}; pool = \"mail\"; } ); proxy_protocol: { from = [\"192.0.2.0/24\"]; }; ";
  for (const bool rest : {true, false}) {
    const std::string text = std::string(all).replace(at, from.size(), routes + (rest ? from : ""));
    const Compiled compiled({}, text.c_str());
    const auto& mail = *compiled.plan->services()->Get(1);
    EXPECT_EQ(mail.mode(), image::Mode::tcp);
    EXPECT_EQ(mail.proxy_from()->Get(0)->length(), 24);
    ASSERT_EQ(mail.routes()->size(), rest ? 2u : 1u) << "the service's pool is for what no route matches";
    const auto& route = *mail.routes()->Get(0);
    EXPECT_EQ(route.hosts()->Get(0)->str(), "*.a.com");
    EXPECT_EQ(route.conditions()->alpn()->Get(0)->str(), "h2");
    EXPECT_EQ(route.conditions()->clients()->Get(0)->length(), 8);
    EXPECT_EQ(route.action_as_Proxy()->shares()->Get(0)->pool(), 1u);
  }
}

std::string with_mail(const std::string& words) {
  const std::string all = kBoth, from = "balance = \"least_conn\"; http2 = \"prior_knowledge\"; backends = ( { address = \"127.0.0.1:2525\"; } );";
  return std::string(all).replace(all.find(from), from.size(), words);
}

TEST(CompileL7, PoolsSayWhatElseDecides) {
  const std::string text = with_mail(R"(
      backends = ( { address = "127.0.0.1:2525"; }, { address = "127.0.0.1:2526"; backup = true; } ); panic_below = 20;
      slow_start = "30s"; ejection: { errors = 3; gateway_errors = 4; time = "20s"; time_max = "2m"; share_max = 50; };
      sticky: { cookie = "where"; key = "k1"; }; queue: { length = 7; timeout = "3s"; };)");
  const Compiled compiled({}, text.c_str());
  const auto& mail = *compiled.plan->pools()->Get(1);
  EXPECT_EQ(mail.slow_start_ms(), 30'000u);
  EXPECT_FALSE(mail.panic());
  EXPECT_EQ(mail.ejection()->errors(), 3u);
  EXPECT_EQ(mail.ejection()->gateway_errors(), 4u);
  EXPECT_EQ(mail.ejection()->time_ms(), 20'000u);
  EXPECT_EQ(mail.ejection()->time_max_ms(), 120'000u);
  EXPECT_EQ(mail.ejection()->share_max(), 50u);
  EXPECT_EQ(mail.queue_length(), 7u);
  EXPECT_EQ(mail.queue_timeout_ms(), 3'000u);
  EXPECT_FALSE(mail.backends()->Get(0)->standby());
  EXPECT_TRUE(mail.backends()->Get(1)->standby());
  EXPECT_DOUBLE_EQ(compiled.states[3].share_of(1), 0);
  EXPECT_EQ(mail.sticky_cookie()->str(), "where");
  EXPECT_EQ(compiled.plan->pools()->Get(0)->sticky_cookie()->str(), "");
  EXPECT_EQ(compiled.plan->pools()->Get(0)->backends()->Get(0)->sticky()->str(), "");
}

// HMAC-SHA-256 by openssl: printf 'cardea sticky\nmail\n127.0.0.1:2525' | openssl dgst -sha256 -hmac k1
TEST(CompileL7, CookiesAreSignedByThePoolsKeyOrTheClusters) {
  const auto value = [](const std::string& sticky, size_t backend = 0) {
    const std::string text = with_mail(
        "backends = ( { address = \"127.0.0.1:2525\"; }, { address = \"127.0.0.1:2526\"; } ); sticky: " + sticky + ";");
    return Compiled({}, text.c_str()).plan->pools()->Get(1)->backends()->Get(uint32_t(backend))->sticky()->str();
  };
  const std::string its = value("{ cookie = \"where\"; key = \"k1\"; }");
  EXPECT_EQ(its, "7dd0392026cf78d8a59140383b9b8773");
  EXPECT_EQ(value("{ cookie = \"other\"; key = \"k1\"; }"), its);
  EXPECT_NE(value("{ cookie = \"where\"; key = \"k1\"; }", 1), its);
  EXPECT_NE(value("{ cookie = \"where\"; key = \"k2\"; }"), its);
  EXPECT_NE(value("{ cookie = \"where\"; }"), its);
  EXPECT_EQ(value("{ cookie = \"where\"; key = \"0123456789abcdef0123456789abcdef\"; }"),
            value("{ cookie = \"where\"; }"));
}

// Fewer are up than panic_below says: the ring has those that are down.
TEST(CompileL7, InPanicTheDeadAreInThePlanAsUp) {
  const std::string text = with_mail(
      "backends = ( { address = \"127.0.0.1:2525\"; }, { address = \"127.0.0.1:2526\"; } ); panic_below = 60;");
  Runtime runtime;
  runtime.health[{"mail", "127.0.0.1:2525"}].up = false;
  const Compiled compiled(runtime, text.c_str());
  const auto& mail = *compiled.plan->pools()->Get(1);
  EXPECT_TRUE(mail.panic());
  EXPECT_EQ(mail.backends()->Get(0)->state(), image::BackendState::up);
  EXPECT_NEAR(compiled.states[3].share_of(0), 0.5, 0.001);
}

TEST(CompileL7, RoutesPointAtPoolsAndCachesAndEndWithThePoolOfTheRest) {
  const Compiled compiled;
  const auto& shop = *compiled.plan->services()->Get(0);
  EXPECT_EQ(shop.mode(), image::Mode::http);
  EXPECT_EQ(shop.listen()->size(), 3u);
  EXPECT_EQ(shop.tls()->version_min(), 0x0304);
  EXPECT_EQ(shop.tls()->certificates()->Get(0)->name()->str(), "/c.crt");
  EXPECT_EQ(shop.header_bytes_max(), 8192u);
  EXPECT_EQ(shop.body_bytes_max(), 5'000'000u);
  EXPECT_EQ(shop.request_timeout_ms(), 3000u);
  EXPECT_EQ(shop.idle_timeout_ms(), 13'000u);
  EXPECT_EQ(shop.body_timeout_ms(), 14'000u);
  EXPECT_EQ(shop.rate_min(), 500u);
  EXPECT_EQ(shop.rate_window_ms(), 7000u);
  EXPECT_EQ(shop.linger_timeout_ms(), 9000u);
  EXPECT_EQ(shop.source_connections_max(), 11u);
  EXPECT_FALSE(shop.http2());
  ASSERT_EQ(shop.routes()->size(), 3u);
  const auto* api = shop.routes()->Get(0);
  EXPECT_EQ(api->name()->str(), "api");
  EXPECT_EQ(api->hosts()->Get(1)->str(), "*.shop.com");
  EXPECT_EQ(api->action_as_Proxy()->cache(), 0);
  EXPECT_EQ(shop.routes()->Get(1)->name()->str(), "shop[1]");
  EXPECT_EQ(shop.routes()->Get(1)->action_as_Proxy()->cache(), -1);
  const auto* rest = shop.routes()->Get(2);
  EXPECT_EQ(rest->name()->str(), "shop");
  EXPECT_EQ(rest->path()->str(), "/");
  EXPECT_EQ(compiled.plan->pools()->Get(rest->action_as_Proxy()->shares()->Get(0)->pool())->name()->str(), "mail");
  const auto& smtp = *compiled.plan->services()->Get(1);
  EXPECT_EQ(smtp.mode(), image::Mode::tcp);
  EXPECT_EQ(smtp.connections_max(), 12u);
  EXPECT_EQ(compiled.plan->pools()->Get(smtp.pool())->name()->str(), "mail");
}

TEST(CompileL7, BothProcessesGetTheSameRingAndStates) {
  Runtime runtime;
  runtime.health[{"web", "10.0.0.12:8080"}] = {false, "refused", {}};
  runtime.overrides[{"web", "10.0.0.11:8080"}] = {Order::kReady, 9};
  const Compiled compiled(runtime);
  const auto l4 = compile_l4(compiled.config, compiled.states, 4).value();
  const auto* other = dataplane::image::GetPlan(l4.data())->pools()->Get(1);
  const auto* web = compiled.plan->pools()->Get(0);
  ASSERT_EQ(other->name()->str(), "web");
  EXPECT_TRUE(std::ranges::equal(*web->ring(), *other->ring()));
  EXPECT_EQ(web->ring()->size(), 1009u);
  EXPECT_EQ(web->backends()->Get(0)->weight(), 9u);
  EXPECT_EQ(web->backends()->Get(1)->state(), image::BackendState::down);
}

TEST(CompileL7, TheDataplaneLeavesL7AddressesToTheKernel) {
  const Compiled compiled;
  const auto l4 = compile_l4(compiled.config, compiled.states, 4).value();
  const auto& plan = *dataplane::image::GetPlan(l4.data());
  ASSERT_EQ(plan.pools()->size(), 2u) << "dns and web: those of l4 services";
  ASSERT_EQ(plan.services()->size(), 3u) << "loopback addresses never come through a port";
  const auto& shop = *plan.services()->Get(2);
  EXPECT_EQ(shop.name()->str(), "shop");
  EXPECT_EQ(shop.forward(), dataplane::image::Forward::local);
  ASSERT_EQ(shop.listen()->size(), 1u);
  EXPECT_EQ(shop.listen()->Get(0)->port(), 443);
}

TEST(CompileL7, AnUpdateHasThePoolsThatWereAskedFor) {
  const Compiled compiled;
  const size_t mail = 3;
  const auto bytes = compile_l7_update(compiled.config, compiled.states, std::span(&mail, 1), 5);
  flatbuffers::Verifier verifier(bytes.data(), bytes.size());
  ASSERT_TRUE(verifier.VerifyBuffer<image::PoolUpdate>(l7::kPoolUpdateIdentifier));
  const auto* update = flatbuffers::GetRoot<image::PoolUpdate>(bytes.data());
  EXPECT_EQ(update->generation(), 5u);
  ASSERT_EQ(update->pools()->size(), 1u);
  EXPECT_EQ(update->pools()->Get(0)->balance(), image::Balance::least_conn);
}

// Everything a route can say, in the plan's words.
TEST(CompileL7, RoutesSayWhatTheyMatchAndDo) {
  const std::string text = conf_with(R"(
      { match: { path_exact = "/a"; }; respond: { status = 503; body = "b"; }; },
      { match: { path_regex = "/r.*"; method = "GET"; client = "10.0.0.0/8";
                 headers = ( { name = "A"; exact = "1"; }, { name = "B"; prefix = "2"; }, { name = "C"; regex = "3"; } );
                 query = ( { name = "D"; absent = true; } ); cookies = ( { name = "E"; } ); };
        split = ( { pool = "web"; weight = 9; }, { pool = "mail"; } ); split_by = "client"; rewrite: { host = "h"; path = "/x?y"; }; },
      { match: { path = "/p"; }; redirect: { status = 308; scheme = "http"; host = "::1"; port = 81; prefix = "/q"; keep_query = false; }; },
      { match: { path = "/f"; }; files: { root = "/srv/www"; prefix = "/"; fallback = "/a/b.html"; precompressed = true; max_age = "2m"; }; },)");
  const Compiled compiled({}, text.c_str());
  const auto& routes = *compiled.plan->services()->Get(0)->routes();
  ASSERT_EQ(routes.size(), 7u);
  const image::Files& files = *routes[3]->action_as_Files();
  EXPECT_EQ(files.root()->str(), "/srv/www");
  EXPECT_EQ(files.prefix()->str(), "/");
  EXPECT_EQ(files.index()->str(), "index.html");
  EXPECT_EQ(files.fallback()->str(), "a/b.html");
  EXPECT_TRUE(files.precompressed());
  EXPECT_EQ(files.max_age_s(), 120);
  EXPECT_EQ(routes[0]->path_rule(), image::PathRule::exact);
  EXPECT_EQ(routes[0]->conditions(), nullptr);
  EXPECT_EQ(routes[0]->action_as_Respond()->status(), 503);
  EXPECT_EQ(routes[0]->action_as_Respond()->content_type()->str(), "text/plain; charset=utf-8");
  EXPECT_EQ(routes[0]->action_as_Respond()->body()->str(), "b");
  EXPECT_EQ(routes[1]->path_rule(), image::PathRule::pattern);
  const auto& asked = *routes[1]->conditions();
  EXPECT_EQ(asked.methods()->Get(0)->str(), "GET");
  EXPECT_EQ(asked.clients()->Get(0)->length(), 8);
  EXPECT_EQ(asked.headers()->Get(0)->rule(), image::ConditionRule::exact);
  EXPECT_EQ(asked.headers()->Get(1)->rule(), image::ConditionRule::prefix);
  EXPECT_EQ(asked.headers()->Get(2)->rule(), image::ConditionRule::pattern);
  EXPECT_EQ(asked.headers()->Get(2)->text()->str(), "3");
  EXPECT_EQ(asked.query()->Get(0)->rule(), image::ConditionRule::absent);
  EXPECT_EQ(routes[1]->action_as_Proxy()->path()->str(), "/x?y");
  EXPECT_EQ(asked.cookies()->Get(0)->rule(), image::ConditionRule::present);
  const auto& proxy = *routes[1]->action_as_Proxy();
  EXPECT_EQ(proxy.shares()->size(), 2u);
  EXPECT_EQ(proxy.shares()->Get(0)->weight(), 9u);
  EXPECT_EQ(compiled.plan->pools()->Get(proxy.shares()->Get(1)->pool())->name()->str(), "mail");
  EXPECT_EQ(proxy.split_by(), image::SplitBy::client);
  EXPECT_EQ(proxy.host()->str(), "h");
  const auto& redirect = *routes[2]->action_as_Redirect();
  EXPECT_EQ(redirect.status(), 308);
  EXPECT_EQ(redirect.scheme()->str(), "http");
  EXPECT_EQ(redirect.host()->str(), "[::1]");
  EXPECT_EQ(redirect.port(), 81);
  EXPECT_EQ(redirect.prefix()->str(), "/q");
  EXPECT_FALSE(redirect.keeps_query());
  EXPECT_EQ(routes[5]->action_as_Proxy()->shares()->Get(0)->weight(), 1u);
}

}  // namespace
}  // namespace cardea::mgmt
