// tcp and http services: what is read of them, and each contradiction between their settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conf/diff.h"
#include "conf/pool_use.h"
#include "conf/print.h"
#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kShop = R"(
cluster: { name = "edge-1"; seed = "0123456789abcdef0123456789abcdef"; };
l7: { shards = [0, 1]; access_log = "/var/log/cardea/access.log"; access_log_ring = "1MB"; buffers = "256MB"; drain_timeout = "30s"; hand_over_timeout = "1h"; };
caches = ( { name = "edge"; memory = "256MB"; object_max = "1MB"; } );
pools = (
  { name = "web"; balance = "least_conn"; retries = 1;
    backends = ( { address = "127.0.0.1:8080"; weight = 3; connections_max = 100; } );
    tls: { server_name = "origin.shop.com"; authorities = "/etc/cardea/ca.pem"; }; },
  { name = "api"; backends = ( { address = "127.0.0.1:8081"; } ); },
  { name = "mail"; balance = "round_robin"; backends = ( { address = "[::1]:25"; } ); } );
services = (
  { name = "shop"; mode = "http"; listen = ["0.0.0.0:443/tcp", "[::]:443/tcp"];
    tls: { certificates = ( { cert = "/etc/cardea/shop.crt"; key = "/etc/cardea/shop.key"; } ); version_min = "1.3"; };
    routes = ( { name = "api"; match: { host = ["Shop.com", "*.shop.com"]; path = "/api/"; }; pool = "api"; cache = "edge"; },
               { match: { path = "/images"; }; pool = "api"; } );
    pool = "web"; header_max = "16KB"; body_max = "0"; idle_timeout = "60s"; },
  { name = "smtp"; mode = "tcp"; listen = "127.0.0.1:25/tcp"; pool = "mail"; idle_timeout = "10m"; } );
)";

TEST(L7, EverySettingArrives) {
  const ReadResult read = read_text(kShop, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  EXPECT_EQ(findings_text(read.findings, read.source), "");
  const Config& config = *read.config;
  EXPECT_THAT(config.l7->shards, ElementsAre(0, 1));
  EXPECT_EQ(config.l7->access_log_ring, 1'000'000u);
  EXPECT_EQ(config.l7->drain_timeout, std::chrono::seconds(30));
  EXPECT_EQ(config.l7->hand_over_timeout, std::chrono::hours(1));
  EXPECT_EQ(config.caches[0].memory, 256'000'000u);
  EXPECT_EQ(config.pools[0].balance, Balance::kLeastConn);
  EXPECT_EQ(config.pools[0].backends[0].connections_max, 100u);
  EXPECT_TRUE(config.pools[0].tls->verify);
  const Service& shop = config.services[0];
  EXPECT_EQ(shop.tls->version_min, TlsVersion::k13);
  EXPECT_THAT(shop.routes[0].match.hosts, ElementsAre("shop.com", "*.shop.com"));
  EXPECT_EQ(shop.route_name(0), "api");
  EXPECT_EQ(shop.route_name(1), "shop[1]");
  EXPECT_EQ(shop.header_max, 16'000u);
  EXPECT_EQ(shop.body_max, 0u);
  EXPECT_EQ(config.services[1].idle_timeout, std::chrono::minutes(10));
}

// One that passes TLS through, for whom load balancers speak, to a pool that is told of it.
const std::string kPassing = with(
    with(kShop, "mode = \"tcp\"; listen = \"127.0.0.1:25/tcp\"; pool = \"mail\";",
         "mode = \"tcp\"; listen = \"127.0.0.1:25/tcp\"; request_timeout = \"5s\"; proxy_protocol: { from = [\"10.0.0.0/8\", "
         "\"2001:db8::/32\"]; }; routes = ( { match: { host = \"*.a.com\"; alpn = [\"h2\", \"http/1.1\"]; client = "
         "\"192.0.2.0/24\"; }; split = ( { pool = \"mail\"; weight = 9; }, { pool = \"api\"; } ); } );"),
    "balance = \"round_robin\";", "balance = \"round_robin\"; proxy_protocol = \"v2\";");

TEST(L7, WhatATcpServicePassesThroughArrives) {
  const ReadResult read = read_text(kPassing, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  EXPECT_EQ(findings_text(read.findings, read.source), "");
  const Service& passing = read.config->services[1];
  EXPECT_EQ(passing.proxy_protocol->from.size(), 2u);
  EXPECT_THAT(passing.routes[0].match.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(read.config->pools[2].proxy_protocol, ProxyVersion::kV2);
  EXPECT_THAT(pools_of(passing), ElementsAre("mail", "api"));
  const std::string printed = print(*read.config, Secrets::kShown);
  EXPECT_EQ(*read_text(printed, "printed.cfg").config, *read.config) << printed;
}

TEST(L7, PrintedFormReadsBack) {
  const auto config = read_text(kShop, "t.cfg").config;
  const std::string printed = print(*config, Secrets::kShown);
  const ReadResult again = read_text(printed, "printed.cfg");
  ASSERT_TRUE(again.config) << printed << findings_text(again.findings, again.source);
  EXPECT_EQ(*again.config, *config) << printed;
}

TEST(L7, EachContradictionIsReported) {
  const Case cases[] = {
      {"l7: { shards = [0, 1]; access_log = \"/var/log/cardea/access.log\"; access_log_ring = \"1MB\"; buffers = "
       "\"256MB\"; drain_timeout = \"30s\"; hand_over_timeout = \"1h\"; };",
       "", "error: services[0].mode: tcp and http services are served by cardea-l7, and nothing says on which CPUs"},
      {"[0, 1]", "[1, 1]", "CPU 1 is already used"},
      {"name = \"edge\";", "name = \"egde\";", "error: services[0].routes[0].cache: there is no cache \"edge\""},
      {"; cache = \"edge\"", "", "hint: caches[0]: no route uses cache \"edge\""},
      {"object_max = \"1MB\"", "object_max = \"1GB\"", "has no room in a cache of \"256MB\""},
      {"{ path = \"/images\"; }; pool = \"api\"", "{ path = \"/images\"; }; pool = \"apo\"",
       "there is no pool \"apo\"; expected one of web, api, mail; did you mean \"api\"?"},
      {"{ path = \"/images\"; }", "{ host = \"shop.com\"; path = \"/api/\"; }",
       "warning: services[0].routes[1]: all of its requests are taken by the route in t.cfg:14"},
      {"{ path = \"/images\"; }", "{ host = [\"a.com\", \"SHOP.com\"]; path = \"/api/\"; }",
       "some of its requests are taken"},
      {"{ path = \"/images\"; }", "{ }", "warning: services[0].pool: the route in t.cfg:15 takes every request"},
      {"match: { path = \"/images\"; };", "name = \"shop\"; match: { path = \"/x\"; };",
       "route name \"shop\" is already used"},
      {"127.0.0.1:25/tcp", "127.0.0.1:25/udp", "listen for TCP only"},
      {"mode = \"tcp\"", "mode = \"tcp\"; body_max = \"1MB\"", "warning: services[1].body_max: has no effect on"},
      {"mode = \"tcp\"", "mode = \"tcp\"; routes = ( { pool = \"api\"; } )",
       "warning: services[1].pool: the route in t.cfg:17 takes every request"},
      {"mode = \"tcp\"", "mode = \"tcp\"; request_timeout = \"5s\"",
       "warning: services[1].request_timeout: has no effect on"},
      {"mode = \"tcp\"", "mode = \"tcp\"; proxy_protocol: { from = [\"10.0.0.0\"]; }",
       "error: services[1].proxy_protocol.from"},
      {"mode = \"tcp\"", "mode = \"tcp\"; proxy_protocol: { from = [ ]; }", "error: services[1].proxy_protocol.from"},
      {"mode = \"tcp\"", "mode = \"tcp\"; tls: { certificates = ( { cert = \"/c\"; key = \"/k\"; } ); }; routes = ( { "
       "match: { host = \"a.com\"; }; pool = \"api\"; } )",
       "error: services[1].routes: cannot be had with tls"},
      {"mode = \"tcp\"", "mode = \"tcp\"; routes = ( { match: { host = \"a.com\"; }; pool = \"web\"; } )",
       "warning: services[1].routes[0].pool: the backends are spoken TLS to, and what is passed through is TLS already"},
      {"{ path = \"/images\"; }", "{ path = \"/images\"; alpn = \"h2\"; }",
       "error: services[0].routes[1].match.alpn: cannot be had with a route of a service of mode \"http\""},
      {"retries = 1", "proxy_protocol = \"v3\"", "error: pools[0].proxy_protocol: unknown word \"v3\""},
      {"mode = \"tcp\"", "mode = \"l4\"; proxy_protocol: { from = [\"10.0.0.0/8\"]; }",
       "error: services[1].proxy_protocol: cannot be had with a service of mode \"l4\""},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/a\"; format = \"x ${stauts}\"; } ); access_log_ring",
       "error: l7.access_logs[0].format: \"x ${stauts}\": there is no field \"stauts\", at character 3; expected"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/a\"; format = \"x ${stauts}\"; } ); access_log_ring",
       "did you mean \"x ${status}\"?"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/a\"; format = \"${remote_addr} -\"; } ); access_log_ring",
       "did you mean \"${client_address} -\"?"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/a\"; format = \"combind\"; } ); access_log_ring",
       "did you mean \"combined\"?"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/a\"; when = \"rote == api\"; } ); access_log_ring",
       "did you mean \"route == api\"?"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"192.0.2.9\"; } ); access_log_ring",
       "did you mean \"syslog:192.0.2.9:514\"?"},
      {"access_log_ring", "access_logs = ( { name = \"access_log\"; to = \"/a\"; } ); access_log_ring",
       "error: l7.access_logs[0].name: name of an access log \"access_log\" is already used"},
      {"access_log_ring", "access_logs = ( { name = \"none\"; to = \"/a\"; } ); access_log_ring",
       "error: l7.access_logs[0].name: \"none\" is what services say that have no log"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"stdout\"; rotate_size = \"1MB\"; } ); access_log_ring",
       "warning: l7.access_logs[0].rotate_size: has no effect on what is no file"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"syslog\"; facility = \"lokal0\"; } ); access_log_ring",
       "did you mean \"local0\"?"},
      {"access_log_ring", "access_logs = ( { name = \"a\"; to = \"/var/log/cardea/access.log\"; } ); access_log_ring",
       "error: l7.access_logs[0].to: the file /var/log/cardea/access.log is already used"},
      {"mode = \"tcp\"", "mode = \"tcp\"; access_logs = [\"none\", \"access_log\"]",
       "error: services[1].access_logs: \"none\" stands beside others"},
      {"mode = \"tcp\"", "mode = \"tcp\"; access_logs = [\"acces_log\"]",
       "error: services[1].access_logs[0]: there is no access log \"acces_log\""},
      {"mode = \"tcp\"", "mode = \"tcp\"; request_id: { answer = true; }",
       "error: services[1].request_id: cannot be had with a service of mode \"tcp\""},
      {"mode = \"tcp\"", "mode = \"tcp\"; trace = \"begin\"", "warning: services[1].trace: has no effect on"},
      {"header_max = ", "request_id: { header = \"X-Request\"; }; header_max = ",
       "error: services[0].request_id.header: found the text \"X-Request\"; expected a header's name that ends in \"ID\""},
      {"header_max = ", "trace = \"contniue\"; header_max = ", "did you mean \"continue\"?"},
      {"mode = \"tcp\"", "mode = \"l4\"", "an l4 service uses pool \"mail\", and packets cannot be balanced by"},
      {"mode = \"tcp\"", "mode = \"l4\"", "services of mode \"l4\" are forwarded by a dataplane, and there is none"},
      {"mode = \"tcp\"", "mode = \"l4\"", "127.0.0.1 is a loopback address"},
      {"pool = \"mail\";", "", "error: services[1].pool: \"pool\" is missing"},
      {"mode = \"tcp\"", "mode = \"http\"; forward = \"ipip\"", "warning: services[1].forward: has no effect"},
      {"tls: { certificates = ( { cert = \"/etc/cardea/shop.crt\"; key = \"/etc/cardea/shop.key\"; } ); version_min = "
       "\"1.3\"; };",
       "", "warning: services[0].listen: clients speak TLS to port 443"},
      {"tls: { certificates = ( { cert = \"/etc/cardea/shop.crt\"; key = \"/etc/cardea/shop.key\"; } );",
       "tls: { certificates = ( );", "error: services[0].tls.certificates: it is empty"},
      {"127.0.0.1:25/tcp", "0.0.0.0:443/tcp", "address 0.0.0.0:443/tcp is already used"},
      {"retries = 1", "ring_size = 1009", "warning: pools[0].ring_size: has no effect on a pool that is not balanced"},
      {"retries = 1", "hash_on = \"uri\"",
       "warning: pools[0].hash_on: has no effect on a pool that is not balanced by"},
      {"balance = \"least_conn\"; retries = 1", "balance = \"hash\"; hash_on = \"header\"",
       "error: pools[0].hash_name: it is missing"},
      {"balance = \"least_conn\"; retries = 1", "balance = \"hash\"; hash_name = \"a\"",
       "warning: pools[0].hash_name: has no effect on a hash of neither a header nor a cookie"},
      {"connections_max = 100;", "backup = true;",
       "warning: pools[0].backends: all backends of pool \"web\" are backups"},
      {"retries = 1", "ejection: { time = \"10m\"; }", "error: pools[0].ejection.time_max: it is shorter than `time`"},
      {"retries = 1", "ejection: { errors = 3; }",
       "warning: pools[0].ejection: has no effect on a pool of one backend"},
      {"connections_max = 100; } );", "} ); queue: { length = 5; };",
       "warning: pools[0].queue: has no effect: a backend without connections_max is never full"},
      {"retries = 1", "sticky: { key = \"k\"; }", "\"cookie\" is missing"},
      {"retries = 1", "panic_below = 101", "error: pools[0].panic_below"},
      {"retries = 1", "health: { type = \"http\"; }", "spoken to in TLS and checked in plain HTTP"},
      {"retries = 1", "health: { type = \"https\"; path = \"x\"; }", "\"x\" does not begin with '/'"},
      {"retries = 1", "connect_timeout = \"2m\"", "only \"30s\" to answer on it"},
      {"{ path = \"/images\"; }", "{ host = \"*\"; }", "the route in t.cfg:15 takes every request"},
      {"name = \"mail\";", "name = \"mail\"; http2 = \"tls\";", "error: pools[2].http2: HTTP/2 is agreed on in the TLS"},
      {"mode = \"tcp\"; listen = \"127.0.0.1:25/tcp\"; pool = \"mail\"",
       "mode = \"tcp\"; listen = \"127.0.0.1:25/tcp\"; routes = ( { match: { path = \"/x\"; }; pool = \"mail\"; } )",
       "error: services[1].routes[0].match.path: cannot be had with a route of a service of mode \"tcp\""},
      {"idle_timeout = \"10m\"", "max_connections = 5", "unknown setting; did you mean connections_max?"},
      {"\"/images\"", "\"/a/..\"", "holds \"..\", which no request has"},
      {"\"Shop.com\"", "\"https://Shop.com/x\"", "is more than a host; "},
      {"\"Shop.com\"", "\"https://Shop.com/x\"", "did you mean \"shop.com\"?"},
      {"\"Shop.com\"", "\"shop.*\"", "a '*' can only stand for the first labels"},
      {"\"Shop.com\"", "\"shöp.com\"", "xn--"},
      {"\"/images\"", "\"images\"", "did you mean \"/images\"?"},
      {"\"/images\"", "\"/images/*\"", "did you mean \"/images/\"?"},
      {"\"/images\"", "\"^/api/.*$\"", "is a regular expression: a path here stands for all that begins with it; "},
      {"\"/images\"", "\"^/api/.*$\"", "did you mean \"/api/\"?"},
      {"\"/images\"", "\"~ ^/a(b|c)\"", "did you mean \"/a\"?"},
      {"buffers = \"256MB\"", "buffers = 256", "did you mean \"256MB\"?"},
      {"memory = \"256MB\"", "memory = 64", "did you mean \"64MB\"?"},
      {"[0, 1]", "[\"0-1\"]", "did you mean [0, 1]?"},
      {"retries = 1", "health: { type = \"http\"; expect = \"2xx\"; }", "\"2xx\" is no number; expected a"},
      {"\"/images\"", "\"/a//b\"", "holds \"//\", which no request has"},
      {"\"/images\"", "\"/a/{id}\"", "holds \"{\", which no request has"},
      {"\"/images\"", "\"/a%0D/b\"", "holds \"%0d\", which no request has"},
      {"\"/images\"", "\"/a%1f\"", "holds \"%1f\", which no request has"},
      {"\"/images\"", "\"/a%7F\"", "holds \"%7f\", which no request has"},
      {"\"/images\"", "\"/a/../b\"", "holds \"..\", which no request has"},
      {"\"/images\"", "\"/a%2\"", "'%' without two hexadecimal digits"},
      {"\"/var/log/cardea/access.log\"", "\"access.log\"", "error: l7.access_log: found"},
      {"buffers = \"256MB\"", "buffers = 256", "the number 256 has no unit"},
  };
  for (const Case& row : cases) EXPECT_THAT(said_about(with(kShop, row.from, row.to)), HasSubstr(row.said)) << row.to;
}

TEST(L7, ARouteThatCouldNotBeReadTakesNothingFromOthers) {
  for (const char* path : {"api/", "/api/*", "^/api/.*$"}) {
    std::string text = with(kShop, "{ host = [\"Shop.com\", \"*.shop.com\"]; path = \"/api/\"; }",
                            std::string("{ path = \"") + path + "\"; }");
    text = with(text, "match: { path = \"/images\"; }; ", "");
    EXPECT_THAT(said_about(text), Not(HasSubstr("requests are taken by"))) << path;
  }
}

TEST(L7, CertificatesOfClientsAndOfOursArrive) {
  const std::string mutual =
      with(with(kShop, "version_min = \"1.3\";",
                "version_min = \"1.3\"; client_auth: { authorities = \"/etc/c.pem\"; revocations = \"/etc/c.crl\"; mode = "
                "\"optional\"; };"),
           "authorities = \"/etc/cardea/ca.pem\";",
           "authorities = \"/etc/cardea/ca.pem\"; certificate: { cert = \"/etc/own.crt\"; key = \"/etc/own.key\"; };");
  const ReadResult read = read_text(mutual, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  const ClientAuth& clients = *read.config->services[0].tls->client_auth;
  EXPECT_EQ(clients.authorities, "/etc/c.pem");
  EXPECT_EQ(clients.revocations, "/etc/c.crl");
  EXPECT_EQ(clients.mode, ClientCertificates::kOptional);
  EXPECT_EQ(read.config->pools[0].tls->certificate->key, "/etc/own.key");
  EXPECT_EQ(*read_text(print(*read.config, Secrets::kShown), "printed.cfg").config, *read.config);
  EXPECT_THAT(said_about(with(mutual, "authorities = \"/etc/c.pem\";", "")), HasSubstr("\"authorities\" is missing"));
}

// What looks like one of the contradictions above, and is none.
TEST(L7, NothingIsSaidAboutWhatIsSound) {
  const Case cases[] = {
      {"retries = 1", "connect_timeout = \"30s\"", "to answer on it"},
      {"retries = 1", "health: { type = \"http\"; port = 81; }", "checked in plain HTTP on the same port"},
      {"127.0.0.1:8081", "127.0.0.1:25", "in a circle"},
      {"tls: { certificates = ( { cert = \"/etc/cardea/shop.crt\"; key = \"/etc/cardea/shop.key\"; } ); version_min = "
       "\"1.3\"; };",
       "tls = 5;", "clients speak TLS to port 443"},
      {"{ path = \"/images\"; }", "{ host = \"shop.com\"; path = \"/\"; }", "takes every request"},
  };
  for (const Case& row : cases)
    EXPECT_THAT(said_about(with(kShop, row.from, row.to)), Not(HasSubstr(row.said))) << row.to;
}

// A slip in the word does not hide what else is wrong with the service it is of.
TEST(L7, AModeThatIsMeantIsTheOneThatChecksGoBy) {
  const std::string capitals =
      said_about(with(with(kShop, "\"tcp\"", "\"TCP\""), "127.0.0.1:25/tcp", "127.0.0.1:25/udp"));
  EXPECT_THAT(capitals, HasSubstr("did you mean \"tcp\"?"));
  EXPECT_THAT(capitals, HasSubstr("services[1].listen: tcp and http services listen for TCP only"));
}

TEST(L7, HostsAndPathsHaveTheLengthsOfTheirStandards) {
  const std::string label(63, 'a'), longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  const auto with_host = [](const std::string& host) { return with(kShop, "Shop.com", host); };
  for (const std::string& host : {label + ".com", longest})
    EXPECT_TRUE(read_text(with_host(host), "t.cfg").config) << said_about(with_host(host));
  for (const std::string& host : {label + "a.com", longest + "a"})
    EXPECT_THAT(said_about(with_host(host)), HasSubstr("expected a host such as")) << host.size();
  const auto dotted = read_text(with_host("Shop.com."), "t.cfg").config;
  ASSERT_TRUE(dotted);
  EXPECT_EQ(dotted->services[0].routes[0].match.hosts[0], "shop.com") << "as requests are compared";
  EXPECT_TRUE(read_text(with(kShop, "/images", "/" + std::string(1023, 'a')), "t.cfg").config);
  EXPECT_THAT(said_about(with(kShop, "/images", "/" + std::string(1024, 'a'))),
              HasSubstr("1025 bytes of path are too many"));
}

TEST(L7, BesideADataplaneServicesNeedAddressesOfTheirOwn) {
  const std::string dataplane = R"(
dataplane: { workers = [0]; poll = "busy"; ports = ( { name = "wan"; device = "net_null0"; addresses = ["192.0.2.2/24"]; } ); };
caches = ()";
  const std::string text = with(kShop, "\ncaches = (", dataplane);
  EXPECT_THAT(said_about(text), HasSubstr("0.0.0.0 is for all addresses"));
  EXPECT_THAT(said_about(text), HasSubstr("l7.shards[0]: CPU 0 also runs a worker"));
  const std::string own = with(with(text, "0.0.0.0:443", "192.0.2.2:443"), "[::]:443", "[2001:db8::1]:443");
  EXPECT_THAT(said_about(own), Not(HasSubstr("own address of port"))) << "it stays reachable: the kernel serves it";
}

TEST(L7, AShardBesideAWorkerThatSleepsIsNoConcern) {
  const std::string dataplane = R"(
dataplane: { workers = [0]; poll = "adaptive"; ports = ( { name = "wan"; device = "net_null0"; addresses = ["192.0.2.2/24"]; } ); };
caches = ()";
  EXPECT_THAT(said_about(with(kShop, "\ncaches = (", dataplane)), Not(HasSubstr("also runs a worker")));
}

TEST(L7, AnObjectMayFillItsCache) {
  EXPECT_THAT(said_about(with(kShop, "object_max = \"1MB\"", "object_max = \"256MB\"")), Not(HasSubstr("has no room")));
}

TEST(L7, AServiceNamesEachOfItsPoolsOnce) {
  const auto config = read_text(kShop, "t.cfg").config;
  EXPECT_THAT(pools_of(config->services[0]), ElementsAre("api", "web"));
  EXPECT_THAT(pools_of(config->services[1]), ElementsAre("mail"));
  const PoolUses uses(*config);
  EXPECT_THAT(uses.of("api").services, ElementsAre("shop")) << "by two routes";
}

TEST(L7, UsesOfPoolsFollowServicesAndRoutes) {
  const auto config = read_text(kShop, "t.cfg").config;
  const PoolUses uses(*config);
  for (const char* pool : {"web", "api", "mail"}) EXPECT_TRUE(uses.of(pool).l7 && !uses.of(pool).l4) << pool;
  EXPECT_TRUE(uses.of("nothing").none());
}

TEST(L7, RoutesWithoutANameAreComparedByWhatTheyAreFor) {
  const auto before = read_text(kShop, "t.cfg").config;
  const auto after = read_text(with(kShop, "/images", "/pictures"), "t.cfg").config;
  const auto changes = diff(*before, *after);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(text_of(changes[0]), "service shop: route */pictures added");
  EXPECT_EQ(text_of(changes[1]), "service shop: route */images removed");
}

TEST(L7, ShardsChangeWithARestart) {
  const auto changes =
      diff(*read_text(kShop, "t.cfg").config, *read_text(with(kShop, "[0, 1]", "[0]"), "t.cfg").config);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_THAT(text_of(changes[0]), HasSubstr("takes effect when cardea-l7 is restarted"));
}

TEST(RingSize, GrowsWithTheBackends) {
  const std::pair<size_t, uint32_t> cases[] = {{0, 4093},         {10, 4093},         {11, 16'381},   {40, 16'381},
                                               {41, 65'537},      {655, 65'537},      {656, 262'139}, {2621, 262'139},
                                               {2622, 1'048'573}, {65'535, 4'194'301}};
  for (const auto& [backends, size] : cases) EXPECT_EQ(ring_size_for(backends), size) << backends;
  Pool pool;
  pool.ring_size = 1009;
  EXPECT_EQ(pool.ring_slots(), 1009u);
}

}  // namespace
}  // namespace cardea::conf
