#include "l7/plan/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/plan/images.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7 {
namespace {

using testing::HasSubstr;

struct Loader {
  ScratchFolder folder;
  stats::Segment segment = stats::Segment::create(folder.file("stats"), 2, 4096, 65536).value();
  PlanResources resources{RowBook(segment), {}};

  Result<std::shared_ptr<const LivePlan>> load(const image::PlanT& plan, const LivePlan* running = nullptr) {
    return load_plan(test::packed(plan), resources, running);
  }
  std::string refusal(const image::PlanT& plan) {
    auto loaded = load(plan);
    return loaded ? "loaded" : loaded.error().message;
  }
  size_t rows() { return stats::read(folder.file("stats")).value().samples.size(); }
};

TEST(LoadPlan, SaysWhatTheImageSays) {
  Loader loader;
  const auto plan = loader.load(test::plan(7)).value();
  EXPECT_EQ(plan->generation, 7u);
  EXPECT_EQ(plan->shards, 1u);
  ASSERT_EQ(plan->pools.size(), 2u);
  EXPECT_EQ(plan->pools[0]->balance, Balance::kMaglev);
  EXPECT_EQ(plan->pools[0]->ring.size(), 251u);
  EXPECT_EQ(plan->pools[0]->backends[0].endpoint.text(), "127.0.0.1:9");
  EXPECT_EQ(plan->pools[1]->balance, Balance::kRoundRobin);
  ASSERT_EQ(plan->services.size(), 2u);
  EXPECT_EQ(plan->services[0]->routes[1].proxy()->cache, 0);
  EXPECT_EQ(plan->services[1]->mode, Mode::kTcp);
  EXPECT_EQ(plan->services[1]->pool, 1u);
  EXPECT_EQ(plan->caches[0].limits.memory, 1u << 20);
}

// Numbers of which no two are the same, nor what it is without them.
TEST(LoadPlan, EveryNumberArrivesWhereItBelongs) {
  Loader loader;
  image::PlanT image = test::plan();
  image::PoolT& pool = *image.pools[0];
  pool.connect_timeout_ms = 101, pool.response_timeout_ms = 102, pool.idle_timeout_ms = 103, pool.idle_max = 104;
  pool.retry = std::make_unique<image::RetryT>();
  pool.retry->statuses = {503, 429}, pool.retry->timeouts = pool.retry->bad_responses = pool.retry->unsafe_methods = true;
  pool.retry->budget = 108, pool.retry->attempt_timeout_ms = 109;
  pool.retries = 105, pool.response_header_bytes_max = 106, pool.processing_timeout_ms = 107;
  pool.proxy_header = image::ProxyVersion::v1;
  pool.backends[0]->weight = 108, pool.backends[0]->connections_max = 109;
  image::ServiceT& shop = *image.services[0];
  shop.connections_max = 201, shop.request_timeout_ms = 202, shop.idle_timeout_ms = 203, shop.body_timeout_ms = 204;
  shop.header_bytes_max = 2050, shop.body_bytes_max = 206, shop.rate_min = 207, shop.rate_window_ms = 208;
  shop.linger_timeout_ms = 209, shop.source_connections_max = 210, shop.http2 = true;
  shop.proxy_from = {{test::address("10.0.0.0"), 9}, {test::address("2001:db8::"), 33}};
  image.settings->buffer_bytes_max = 301, image.settings->drain_timeout_ms = 302;
  image.settings->hand_over_timeout_ms = 308;
  image.settings->access_log_ring_bytes = 4097, image.settings->compression_bytes_max = 307;
  image.caches[0]->object_bytes_max = 303, image.caches[0]->stale_on_error_s = 304;
  image.hash_key_0 = 305, image.hash_key_1 = 306;
  const auto plan = loader.load(image).value();
  using std::chrono::milliseconds;
  const PoolPlan& web = *plan->pools[0];
  EXPECT_EQ(web.connect_timeout, milliseconds(101));
  EXPECT_EQ(web.response_timeout, milliseconds(102));
  EXPECT_EQ(web.idle_timeout, milliseconds(103));
  EXPECT_EQ(web.idle_max, 104u);
  EXPECT_EQ(web.retries, 105u);
  EXPECT_TRUE(web.retry.wants_other(429) && web.retry.wants_other(503) && !web.retry.wants_other(500));
  EXPECT_TRUE(web.retry.timeouts && web.retry.bad_responses && web.retry.unsafe_methods);
  EXPECT_EQ(web.retry.budget, 108u);
  EXPECT_EQ(web.retry.attempt_timeout, std::chrono::milliseconds(109));
  EXPECT_EQ(web.response_header_bytes_max, 106u);
  EXPECT_EQ(web.processing_timeout, milliseconds(107));
  EXPECT_EQ(web.proxy_header, ProxyVersion::kV1);
  EXPECT_EQ(web.backends[0].weight, 108u);
  EXPECT_EQ(web.backends[0].connections_max, 109u);
  const ServicePlan& service = *plan->services[0];
  EXPECT_EQ(service.connections_max, 201u);
  EXPECT_EQ(service.request_timeout, milliseconds(202));
  EXPECT_EQ(service.idle_timeout, milliseconds(203));
  EXPECT_EQ(service.body_timeout, milliseconds(204));
  EXPECT_EQ(service.header_bytes_max, 2050u);
  EXPECT_EQ(service.body_bytes_max, 206u);
  EXPECT_EQ(service.rate_min, 207u);
  EXPECT_EQ(service.rate_window, milliseconds(208));
  EXPECT_EQ(service.linger_timeout, milliseconds(209));
  EXPECT_EQ(service.source_connections_max, 210u);
  EXPECT_TRUE(service.http2);
  EXPECT_EQ(service.proxy_from[0].text(), "10.0.0.0/9");
  EXPECT_EQ(service.proxy_from[1].text(), "2001:db8::/33");
  EXPECT_EQ(plan->settings.buffer_bytes_max, 301u);
  EXPECT_EQ(plan->settings.drain_timeout, milliseconds(302));
  EXPECT_EQ(plan->settings.hand_over_timeout, milliseconds(308));
  EXPECT_EQ(plan->settings.access_log_ring_bytes, 4097u);
  EXPECT_EQ(plan->settings.compression_bytes_max, 307u);
  EXPECT_EQ(plan->caches[0].limits.object, 303u);
  EXPECT_EQ(plan->caches[0].limits.stale_on_error, 304u);
  EXPECT_EQ(plan->hash_key.k0, 305u);
  EXPECT_EQ(plan->hash_key.k1, 306u);
}

TEST(LoadPlan, ATcpServicesRoutesAreMatchedByNameAndProtocol) {
  Loader loader;
  image::PlanT image = test::plan();
  auto route = test::route("/", 1);
  route->hosts = {"a.example"}, route->conditions = std::make_unique<image::ConditionsT>();
  route->conditions->alpn = {"h2"};
  image.services[1]->routes.push_back(std::move(route));
  const auto plan = loader.load(image).value();
  const ServicePlan& mail = *plan->services[1];
  EXPECT_TRUE(mail.passes_tls());
  EXPECT_FALSE(plan->services[0]->passes_tls());
  EXPECT_TRUE(mail.table.match(route::HostName("a.example"), "/", {.alpn = "\x02h2"}));
  EXPECT_FALSE(mail.table.match(route::HostName("a.example"), "/"));
  EXPECT_EQ(mail.routes[0].proxy()->shares[0].pool, 1u);
}

TEST(LoadPlan, PeersThatCarryOthersAreToldByTheirNetwork) {
  ServicePlan plan;
  EXPECT_FALSE(plan.expects_proxy_header(IpAddress::parse("10.0.0.1").value()));
  plan.proxy_from = {Prefix::parse("10.0.0.0/8").value(), Prefix::parse("2001:db8::/32").value()};
  for (const char* one : {"10.0.0.1", "2001:db8::1"}) EXPECT_TRUE(plan.expects_proxy_header(IpAddress::parse(one).value()));
  for (const char* one : {"11.0.0.1", "2001:db9::1", "::1"})
    EXPECT_FALSE(plan.expects_proxy_header(IpAddress::parse(one).value()));
}

TEST(LoadPlan, WhatIsJustAllowedIsLoaded) {
  void (*const rows[])(image::PlanT&) = {
      [](auto& p) { p.settings->shards.assign(256, 0); },
      [](auto& p) { p.pools[0]->ring.assign(251, 0xffff); },  // nobody serves
      [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->shares = {{1, 1}}; },
      [](auto& p) { p.services[0]->header_bytes_max = 1024; },
      [](auto& p) { p.services[0]->header_bytes_max = 1 << 20; },
      [](auto& p) { p.settings->access_log_ring_bytes = 4096; },
      [](auto& p) { p.settings->access_log_ring_bytes = 1u << 30; },
  };
  Loader loader;
  for (size_t row = 0; row < std::size(rows); ++row) {
    image::PlanT plan = test::plan();
    rows[row](plan);
    EXPECT_EQ(loader.refusal(plan), "loaded") << row;
  }
}

template <typename Action>
Action& answering(image::PlanT& plan) {
  auto& action = plan.services[0]->routes[0]->action;
  if (action.type == image::Action::Proxy) action.Set(Action());
  return *static_cast<Action*>(action.value);
}
image::RedirectT& redirect(image::PlanT& plan) {
  return answering<image::RedirectT>(plan);
}
image::RequestIdT& id(image::PlanT& plan) {
  auto& its = plan.services[0]->request_id;
  if (!its) its = std::make_unique<image::RequestIdT>();
  return *its;
}
image::RespondT& respond(image::PlanT& plan) {
  return answering<image::RespondT>(plan);
}

image::FilesT& files(image::PlanT& plan) {
  return answering<image::FilesT>(plan);
}

TEST(LoadPlan, RoutesOfFilesShareOneListOfTypes) {
  Loader loader;
  image::PlanT plan = test::plan();
  for (const auto& route : plan.services[0]->routes) {
    image::FilesT files;
    files.root = "/etc";
    route->action.Set(std::move(files));
  }
  const auto loaded = loader.load(plan).value();
  const auto& routes = loaded->services[0]->routes;
  EXPECT_EQ(std::get<route::Files>(routes[0].action).types, std::get<route::Files>(routes[1].action).types);
}

TEST(LoadPlan, AFolderThatIsNotThereIsRefusedUnlessItIsTheStart) {
  Loader loader;
  const auto running = loader.load(test::plan()).value();
  image::PlanT plan = test::plan();
  for (const auto& [root, why] :
       {std::pair("/nowhere/here", "No such file or directory"), {"/etc/passwd", "Not a directory"}}) {
    files(plan).root = root;
    EXPECT_TRUE(loader.load(plan)) << "all else is served";
    const auto refused = loader.load(plan, running.get());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              fmt::format("service \"shop\": route \"/\": cannot open the folder {} of its files: {}", root, why));
  }
}

// One mistake a row, and words that lead to it.
TEST(LoadPlan, RefusesWithAReason) {
  struct Row {
    const char* words;
    void (*spoil)(image::PlanT&);
  };
  const Row rows[] = {
      {"of schema 00000063", [](auto& p) { p.schema = 99; }},
      {"0 shards", [](auto& p) { p.settings->shards.clear(); }},
      {"257 shards", [](auto& p) { p.settings->shards.assign(257, 0); }},
      {"pool \"web\" is there twice", [](auto& p) { p.pools[1]->name = "web"; }},
      {"names backend 5", [](auto& p) { p.pools[0]->ring[3] = 5; }},
      {"names backend 1, but there are 1", [](auto& p) { p.pools[0]->ring[250] = 1; }},
      {"has port 0", [](auto& p) { p.pools[0]->backends[0]->port = 0; }},
      {"an unknown way to balance", [](auto& p) { p.pools[0]->balance = image::Balance(9); }},
      {"unknown state", [](auto& p) { p.pools[0]->backends[0]->state = image::BackendState(9); }},
      {"a timeout of 0 ms", [](auto& p) { p.pools[0]->connect_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.pools[0]->response_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.pools[0]->idle_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.services[0]->request_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.services[0]->idle_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.services[0]->body_timeout_ms = 0; }},
      {"a timeout of 0 ms", [](auto& p) { p.services[0]->rate_window_ms = 0; }},
      {"cache \"edge\" has no memory", [](auto& p) { p.caches[0]->memory_bytes = 0; }},
      {"cache \"edge\" wants 67108864 MB of memory", [](auto& p) { p.caches[0]->memory_bytes = 1ull << 46; }},
      {"service \"shop\": an unknown mode", [](auto& p) { p.services[0]->mode = image::Mode::none; }},
      {"an http service without routes", [](auto& p) { p.services[0]->routes.clear(); }},
      {"route \"/\" names pool 9", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->shares = {{9, 1}}; }},
      {"route \"/\" names pool 2, but there are 2",
       [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->shares = {{2, 1}}; }},
      {"route \"/\" names cache 4", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->cache = 4; }},
      {"route \"/\" names cache 1, but there are 1",
       [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->cache = 1; }},
      {"route \"/\" sends to no pool", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->shares = {{0, 0}}; }},
      {"route \"/\" sends to no pool", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->shares.clear(); }},
      {"route \"/\" rewrites to \"a:80\"", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->host = "a:80"; }},
      {"route \"/\" rewrites to", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->prefix = "/a b"; }},
      {"redirects with the status 304", [](auto& p) { redirect(p).status = 304; }},
      {"redirects to the scheme", [](auto& p) { redirect(p).scheme = "javascript"; }},
      {"redirects to the host", [](auto& p) { redirect(p).host = "a\r\nX: y"; }},
      {"redirects to a path", [](auto& p) { redirect(p).path = "/a\r\nX: y"; }},
      {"redirects to the path", [](auto& p) { redirect(p).path = redirect(p).prefix = "/"; }},
      {"rewrites to a path: there is no path_regex", [](auto& p) { p.services[0]->routes[0]->action.AsProxy()->path = "/${path:1}"; }},
      {"responds with the status 199", [](auto& p) { respond(p).status = 199; }},
      {"responds with the status 204 and a body", [](auto& p) { respond(p).status = 204, respond(p).body = "x"; }},
      {"a content type of more than one line", [](auto& p) { respond(p).content_type = "a\r\nb"; }},
      {"route \"/\" sends files of \"srv\", which is no absolute path", [](auto& p) { files(p).root = "srv"; }},
      {"which are no names beneath its root", [](auto& p) { files(p).root = "/etc", files(p).index = "../x"; }},
      {"which are no names beneath its root", [](auto& p) { files(p).root = "/etc", files(p).fallback = "a/../../x"; }},
      {"which are no names beneath its root", [](auto& p) { files(p).root = "/etc", files(p).fallback = "/x"; }},
      {"before files' names", [](auto& p) { files(p).root = "/etc", files(p).prefix = "x"; }},
      {"route /: \"/(\" is no regular expression",
       [](auto& p) {
         p.services[0]->routes[0]->path = "/(", p.services[0]->routes[0]->path_rule = image::PathRule::pattern;
       }},
      {"is no regular expression",
       [](auto& p) {
         auto& conditions = p.services[0]->routes[0]->conditions = std::make_unique<image::ConditionsT>();
         conditions->query.push_back(std::make_unique<image::ConditionT>());
         conditions->query[0]->name = "q", conditions->query[0]->rule = image::ConditionRule::pattern;
         conditions->query[0]->text = "[";
       }},
      {"clients of 10.0.0.0/33",
       [](auto& p) {
         auto& conditions = p.services[0]->routes[0]->conditions = std::make_unique<image::ConditionsT>();
         conditions->clients.emplace_back(test::address("10.0.0.0"), 33);
       }},
      {"clients of 10.0.0.0/33", [](auto& p) { p.services[0]->proxy_from.emplace_back(test::address("10.0.0.0"), 33); }},
      {"unknown version of the PROXY protocol", [](auto& p) { p.pools[0]->proxy_header = image::ProxyVersion(3); }},
      {"Content-Length cannot tell ids", [](auto& p) { id(p).header = "Content-Length"; }},
      {"content_length cannot tell ids", [](auto& p) { id(p).header = "content_length"; }},
      {"in a header that has no name", [](auto& p) { id(p).header = "a\r\nb"; }},
      {"in a header that has no name", [](auto& p) { id(p).header = std::string(65, 'a'); }},
      {"an unknown rule for traces", [](auto& p) { p.services[0]->trace = image::TraceRule(3); }},
      {"more traces are sampled than there are", [](auto& p) { p.services[0]->trace_sampled = 1'000'001; }},
      {"names pool 2, but there are 2", [](auto& p) { p.services[1]->pool = 2; }},
      {"does more than name a pool", [](auto& p) { p.services[1]->routes.push_back(test::route("/", 0, 0)); }},
      {"does more than name a pool",
       [](auto& p) { p.services[1]->routes.push_back(test::route("/", image::RespondT{})); }},
      {"TLS that is passed through, and TLS that ends here",
       [](auto& p) {
         p.services[1]->routes.push_back(test::route("/", 0));
         p.services[1]->tls = std::make_unique<image::TlsT>();
       }},
      {"listens on 127.0.0.1:30080, and so does another",
       [](auto& p) { p.services[1]->listen = p.services[0]->listen; }},
      {"header_bytes_max of 5", [](auto& p) { p.services[0]->header_bytes_max = 5; }},
      {"header_bytes_max of 1023", [](auto& p) { p.services[0]->header_bytes_max = 1023; }},
      {"header_bytes_max of 1048577", [](auto& p) { p.services[0]->header_bytes_max = (1 << 20) + 1; }},
      {"access log ring of 4095", [](auto& p) { p.settings->access_log_ring_bytes = 4095; }},
      {"all caches together",
       [](auto& p) {
         const uint64_t machine = uint64_t(::sysconf(_SC_PHYS_PAGES)) * uint64_t(::sysconf(_SC_PAGESIZE));
         p.caches[0]->memory_bytes = machine / 10 * 6;
         p.caches.push_back(std::make_unique<image::CacheT>(*p.caches[0]));
         p.caches[1]->name = "second";
       }},
  };
  Loader loader;
  for (const Row& row : rows) {
    image::PlanT plan = test::plan();
    row.spoil(plan);
    EXPECT_THAT(loader.refusal(plan), HasSubstr(row.words));
  }
  EXPECT_THAT(load_plan({}, loader.resources, nullptr).error().message, HasSubstr("not a plan"));
  auto cut = test::packed(test::plan());
  cut.resize(cut.size() / 2);
  EXPECT_FALSE(load_plan(cut, loader.resources, nullptr).has_value());
}

TEST(LoadPlan, ARingIsNeededOnlyByMaglev) {
  Loader loader;
  image::PlanT plan = test::plan();
  plan.pools[0]->ring.clear();
  EXPECT_THAT(loader.refusal(plan), HasSubstr("balance is maglev, but there is no ring"));
  plan.pools[0]->balance = image::Balance::least_conn;
  EXPECT_EQ(loader.refusal(plan), "loaded");
}

TEST(LoadPlan, WhatIsHashedIsChecked) {
  Loader loader;
  image::PlanT plan = test::plan();
  image::PoolT& web = *plan.pools[0];
  web.balance = image::Balance::hash, web.hash_on = image::HashOn::cookie;
  EXPECT_THAT(loader.refusal(plan), HasSubstr("a hash on a cookie without a name"));
  web.hash_name = "where";
  EXPECT_EQ(loader.refusal(plan), "loaded");
  web.hash_load_max = 99;
  EXPECT_THAT(loader.refusal(plan), HasSubstr("hash_load_max of 99 %"));
  web.hash_load_max = 125, web.ring.clear();
  EXPECT_THAT(loader.refusal(plan), HasSubstr("balance is hash, but there is no ring"));
  web.balance = image::Balance::p2c;
  EXPECT_EQ(loader.refusal(plan), "loaded");
}

TEST(LoadPlan, CachesGoOnByName) {
  Loader loader;
  const auto first = loader.load(test::plan(1)).value();
  image::PlanT changed = test::plan(2);
  changed.caches[0]->memory_bytes = 2 << 20;
  const auto second = loader.load(changed, first.get()).value();
  EXPECT_EQ(first->caches[0].cache, second->caches[0].cache);
  EXPECT_EQ(second->caches[0].limits.memory, 2u << 20);
}

TEST(LoadPlan, CountersLiveAsLongAsSomethingMayCountInThem) {
  Loader loader;
  const size_t before = loader.rows();
  auto first = loader.load(test::plan(1)).value();
  const size_t of_plan = loader.rows() - before;
  EXPECT_GT(of_plan, 40u);
  const auto second = loader.load(test::plan(2), first.get()).value();
  EXPECT_EQ(loader.rows() - before, of_plan) << "the same names, the same rows";
  const auto exchange = first->pools[0];  // still holds what it counts in
  image::PlanT smaller = test::plan(3);
  smaller.services.pop_back();
  smaller.pools.pop_back();
  const auto third = loader.load(smaller, second.get()).value();
  first.reset();
  EXPECT_EQ(loader.resources.rows.sweep(), 0u) << "the second plan still has them all";
}

TEST(LoadPlan, ARefusedPlanLeavesNoRows) {
  Loader loader;
  const size_t before = loader.rows();
  image::PlanT plan = test::plan();
  plan.services[1]->pool = 2;
  EXPECT_FALSE(loader.load(plan).has_value());
  EXPECT_GT(loader.resources.rows.sweep(), 0u);
  EXPECT_EQ(loader.rows(), before);
}

TEST(LoadPlan, CertificatesAreReadAgainOnlyWhenTheirFilesChange) {
  Loader loader;
  tls::Authority authority;
  authority.issue("shop", {.names = {"shop.test"}});
  image::PlanT plan = test::plan();
  plan.services[0]->tls = std::make_unique<image::TlsT>();
  auto certificate = std::make_unique<image::CertificateT>();
  certificate->name = certificate->cert = authority.path("shop.crt");
  certificate->key = authority.path("shop.key");
  plan.services[0]->tls->certificates.push_back(std::move(certificate));
  const auto first = loader.load(plan).value();
  ASSERT_EQ(first->services[0]->certificates.size(), 1u);
  EXPECT_EQ(first->services[0]->certificates[0], loader.load(plan).value()->services[0]->certificates[0]);
  authority.issue("shop", {.names = {"shop.test", "www.shop.test"}});
  const auto changed = loader.load(plan).value();
  EXPECT_NE(first->services[0]->certificates[0], changed->services[0]->certificates[0]);
  EXPECT_EQ(changed->services[0]->certificates[0]->names.size(), 2u);
  const std::string key = authority.read("shop.key"), chain = authority.read("shop.crt");
  authority.write("shop.crt", chain + authority.read("authority.crt"));
  const auto renewed = loader.load(plan).value();
  EXPECT_NE(changed->services[0]->certificates[0], renewed->services[0]->certificates[0])
      << "though its key is the same";
  plan.services[0]->tls->certificates[0]->name = "another";
  EXPECT_EQ(loader.load(plan).value()->services[0]->certificates[0]->name, "another");
  authority.write("shop.key", "no key");
  EXPECT_THAT(loader.refusal(plan), HasSubstr("service \"shop\""));
  EXPECT_THAT(loader.refusal(plan), HasSubstr("shop.key"));
}

TEST(LoadPoolUpdate, ReplacesThePoolsItNames) {
  Loader loader;
  const auto running = loader.load(test::plan(1)).value();
  image::PoolUpdateT update;
  update.schema = kPlanSchema, update.generation = 2;
  update.pools.push_back(test::pool("mail", image::Balance::round_robin, 10));
  update.pools[0]->backends[0]->state = image::BackendState::down;
  const auto next = load_pool_update(test::packed(update), loader.resources, *running).value();
  EXPECT_EQ(next->generation, 2u);
  EXPECT_EQ(next->pools[0], running->pools[0]);
  EXPECT_EQ(next->pools[1]->backends[0].state, BackendState::kDown);
  update.pools[0]->name = "strange";
  EXPECT_THAT(load_pool_update(test::packed(update), loader.resources, *running).error().message,
              HasSubstr("no pool \"strange\""));
}

TEST(LoadPlan, WhatTheHostCountsGoesOnFromPlanToPlan) {
  Loader loader;
  const auto running = loader.load(test::plan(1)).value();
  image::PlanT changed = test::plan(2);
  changed.pools[1]->backends[0]->weight = 7;
  changed.services[0]->connections_max = 3;
  const auto next = loader.load(changed, running.get()).value();
  EXPECT_NE(next->pools[1], running->pools[1]);
  EXPECT_EQ(next->pools[1]->backends[0].host, running->pools[1]->backends[0].host);
  EXPECT_EQ(next->pools[1]->turn, running->pools[1]->turn);
  EXPECT_EQ(next->services[0]->connections, running->services[0]->connections);
  EXPECT_NE(next->services[0]->connections, next->services[1]->connections);
}

TEST(LoadPlan, TheOrderOfTurnsLeavesOutWhoDoesNotServe) {
  Loader loader;
  image::PlanT plan = test::plan(1);
  EXPECT_EQ(loader.load(plan).value()->pools[1]->ring.size(), 1u);
  plan.pools[1]->backends[0]->state = image::BackendState::drain;
  EXPECT_TRUE(loader.load(plan).value()->pools[1]->ring.empty());
}

TEST(CheckReloadable, NamesWhatNeedsARestart) {
  Loader loader;
  const auto running = loader.load(test::plan(1)).value();
  EXPECT_TRUE(check_reloadable(running->settings, loader.load(test::plan(2)).value()->settings).has_value());
  image::PlanT more = test::plan(3);
  more.settings->shards = {0, 1};
  EXPECT_THAT(check_reloadable(running->settings, loader.load(more).value()->settings).error().message,
              HasSubstr("restart cardea-l7 to change l7.shards"));
  image::PlanT larger = test::plan(4);
  larger.settings->access_log_ring_bytes = 1 << 21;
  EXPECT_FALSE(check_reloadable(running->settings, loader.load(larger).value()->settings));
}

}  // namespace
}  // namespace cardea::l7
