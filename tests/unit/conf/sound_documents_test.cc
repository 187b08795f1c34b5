// Documents put together at random of what is sound by itself and beside the rest: `check` has no word about any.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using Texts = std::vector<std::string>;

class Author {
 public:
  explicit Author(uint32_t seed) : random_(seed) {}

  std::string document() {
    std::string text = "cluster: { name = \"edge-1\"; seed = \"0123456789abcdef0123456789abcdef\"; };\n";
    text +=
        dataplane() + l7() + caches() + limits() + "pools = (\n" + pools() + ");\nservices = (\n" + services() + ");\n";
    return text + "mgmt: { " +
           one({"", "metrics = \"127.0.0.1:9477\";", "metrics = \"[::1]:9477\"; api_group = \"ops\";"}) + " };\n";
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::string one(const Texts& of) { return of[random_() % of.size()]; }
  // Each or not, in their order.
  std::string some(const Texts& of) {
    std::string text;
    for (const std::string& each : of)
      if (coin()) text += each + " ";
    return text;
  }

  std::string dataplane() {
    return "dataplane: { workers = " + one({"[2]", "[2, 3]"}) + "; " +
           some({"flows = \"10M\";", "poll = \"busy\";", "checksums = \"full\";",
                 "door: { ports = [22, 179]; rate = 5000; };"}) +
           one({"", "nat: { addresses = [\"10.20.0.100\", \"10.20.0.101\", \"2001:db8:20::100\"]; };"}) +
           "ports = ( { name = \"wan\"; device = \"" +
           one({"0000:3b:00.0\"", "net_af_xdp,iface=eth1\"", "net_af_xdp,iface=eth1\"; kernel = \"tap\""}) +
           "; addresses = [\"198.51.100.2/29\", \"2001:db8:ffff::2/64\"]; gateway = [\"198.51.100.1\", "
           "\"2001:db8:ffff::1\"]; }, { name = \"lan\"; device = \"0000:3b:00.1\"; addresses = [\"10.20.0.2/16\", "
           "\"2001:db8:20::2/64\"]; " +
           some({"mtu = 9000;"}) + "} ); };\n";
  }
  std::string l7() {
    return "l7: { shards = " + one({"[4]", "[4, 5]"}) +
           "; access_log = \"/var/log/cardea/access.log\"; access_logs = ( " +
           one({"{ name = \"errors\"; to = \"/var/log/cardea/errors.log\"; when = \"status >= 500\"; }",
                "{ name = \"errors\"; to = \"syslog:10.20.0.9:514\"; format = \"httplog\"; facility = \"local3\"; }",
                "{ name = \"errors\"; to = \"journald\"; sample = 10; mask = [\"query\", \"client\"]; }"}) +
           " ); " +
           some({"access_log_ring = \"4MB\";", "buffers = \"1GB\";", "compression = \"256MB\";",
                 "ticket_keys = \"/etc/cardea/tickets\";", "drain_timeout = \"30s\";"}) +
           "};\n";
  }
  std::string caches() {
    return "caches = ( { name = \"edge\"; memory = \"1GB\"; " +
           some({"object_max = \"4MB\";", "stale_on_error = \"10m\";"}) + "} );\n";
  }
  std::string limits() {
    return "rate_limits = ( { name = \"clients\"; " +
           one({"requests = 600; period = \"1m\"; burst = 100;", "key = \"${header:X-Api-Key}\"; requests = 50;",
                "requests = 0; concurrent = 20;"}) +
           " } );\n";
  }

  std::string health() {
    return one({"", "health: { type = \"none\"; };",
                "health: { type = \"tcp\"; interval = \"1s\"; timeout = \"500ms\"; };",
                "health: { type = \"http\"; path = \"/health\"; expect = [200, 204]; };",
                "health: { type = \"http\"; host = \"shop.example\"; fall = 2; rise = 3; };"});
  }
  std::string pools() {
    std::string web =
        one({"", "balance = \"maglev\";", "balance = \"least_conn\";", "balance = \"p2c\";",
             "balance = \"round_robin\";", "balance = \"hash\"; hash_on = \"uri\"; hash_load_max = 150;"});
    web +=
        some({"sticky: { cookie = \"shop-server\"; };", "ejection: { gateway_errors = 10; time = \"30s\"; };",
              "slow_start = \"30s\";", "panic_below = 30;", "connect_timeout = \"500ms\"; response_timeout = \"20s\";",
              "idle_timeout = \"60s\"; idle_connections = 512;",
              "retries = 2; retry: { on = [\"timeout\", \"502\"]; budget = 10; };"});
    const std::string tls =
        "tls: { server_name = \"api.example\"; verify = true; authorities = \"/etc/cardea/ca.pem\"; };";
    return "{ name = \"packets\"; backends = ( { address = \"10.20.1.11:53\"; weight = 3; }, { address = "
           "\"10.20.1.12:53\"; } ); " +
           health() + "},\n{ name = \"packets6\"; backends = ( { address = \"[2001:db8:20::11]:80\"; } ); " + health() +
           "},\n{ name = \"mail\"; backends = ( { address = \"10.20.1.21:25\"; " + some({"connections_max = 200;"}) +
           "} ); " + some({"proxy_protocol = \"v2\";", "balance = \"least_conn\";"}) + health() +
           "},\n{ name = \"web\"; backends = ( { address = \"10.20.3.31:8080\"; }, { address = \"10.20.3.32:8080\"; "
           "weight = 2; " +
           "}, { address = \"10.20.3.33:8080\"; " + some({"backup = true;"}) + "} ); " + web + health() +
           "},\n{ name = \"secure\"; backends = ( { address = \"10.20.4.41:443\"; } ); " + tls +
           one({"", "health: { type = \"https\"; host = \"api.example\"; path = \"/ready\"; };"}) + " }\n";
  }

  std::string tls() {
    return "tls: { certificates = ( { cert = \"/etc/cardea/a.crt\"; key = \"/etc/cardea/a.key\"; } ); " +
           some({"version_min = \"1.3\";",
                 "client_auth: { authorities = \"/etc/cardea/partners.crt\"; mode = \"optional\"; };"}) +
           "};";
  }
  std::string policies() {
    return some({"rate_limits = [\"clients\"];", "security_headers = \"basic\";",
                 "access: { deny = [\"192.0.2.0/24\"]; };",
                 "compress: { encodings = [\"br\", \"gzip\"]; size_min = \"1KiB\"; };",
                 "request_headers: { set = [\"X-Client-Port: ${client_port}\"]; remove = [\"X-Client-Cert\"]; };",
                 "response_headers: { if_absent = [\"Referrer-Policy: same-origin\"]; remove = [\"Server\"]; };",
                 "cors: { origins = [\"https://app.example\"]; methods = [\"PUT\"]; };"});
  }
  std::string routes() {
    return "routes = ( " +
           some({"{ name = \"robots\"; match: { path_exact = \"/robots.txt\"; }; respond: { body = \"none\"; }; },",
                 "{ name = \"moved\"; match: { host = \"shop.example\"; path = \"/store/\"; }; redirect: { status = "
                 "308; prefix = \"/\"; }; },"}) +
           "{ name = \"next\"; match: { host = \"shop.example\"; path = \"/api/\"; headers = ( { name = \"X-Api\"; "
           "exact = \"next\"; } ); }; pool = \"web\"; },"
           "{ name = \"api\"; match: { host = \"shop.example\"; path = \"/api/\"; }; " +
           one({"pool = \"secure\";",
                "split = ( { pool = \"secure\"; weight = 95; }, { pool = \"web\"; weight = 5; } );"}) +
           policies() + "}," +
           some({"{ name = \"old\"; match: { host = \"shop.example\"; path_regex = \"/v[0-9]+/.*\"; method = [\"GET\", "
                 "\"HEAD\"]; }; rewrite: { host = \"archive.example\"; }; pool = \"web\"; },",
                 "{ name = \"assets\"; match: { host = \"shop.example\"; path = \"/assets/\"; }; files: { root = "
                 "\"/srv/www\"; prefix = \"/\"; max_age = \"720h\"; }; },"}) +
           "{ name = \"rest\"; match: { path = \"/\"; }; pool = \"web\"; cache = \"edge\"; " + policies() + "} ); ";
  }
  std::string services() {
    return "{ name = \"dns\"; listen = [\"203.0.113.53:53/udp\", \"203.0.113.53:53/tcp\"]; " +
           one({"", "forward = \"ipip\"; ", "forward = \"fullnat\"; "}) + "pool = \"packets\"; },\n" +
           "{ name = \"six\"; listen = [\"[2001:db8:113::80]:80/tcp\"]; pool = \"packets6\"; },\n" +
           "{ name = \"mail\"; mode = \"tcp\"; listen = [\"203.0.113.25:25/tcp\", \"[2001:db8:113::25]:25/tcp\"]; pool "
           "= \"mail\"; " +
           some({"connections_max = 5000;", "idle_timeout = \"10m\";", "source_connections_max = 100;"}) + "},\n" +
           "{ name = \"passed\"; mode = \"tcp\"; listen = [\"203.0.113.11:443/tcp\"]; routes = ( { match: { host = "
           "\"api.example\"; alpn = [\"h2\"]; }; pool = \"mail\"; } ); },\n" +
           "{ name = \"plain\"; mode = \"http\"; listen = [\"203.0.113.10:80/tcp\"]; " +
           one({"redirect: { scheme = \"https\"; };", "pool = \"web\";"}) + " },\n" +
           "{ name = \"web\"; mode = \"http\"; listen = [\"203.0.113.10:443/tcp\", \"[2001:db8:113::10]:443/tcp\"]; " +
           tls() + " " + routes() + policies() +
           some({"connections_max = 200000;", "request_timeout = \"10s\"; body_timeout = \"30s\";",
                 "rate_min = \"500B\"; rate_window = \"30s\";", "http2 = false;",
                 "access_logs = [\"access_log\", \"errors\"];",
                 "request_id: { header = \"X-Request-ID\"; answer = true; };",
                 "trace = \"continue\"; trace_sample = 5;", "header_max = \"16KiB\"; body_max = \"100MB\";",
                 "proxy_protocol: { from = [\"10.20.9.0/28\"]; };",
                 "trusted_proxies: { from = [\"10.20.8.0/24\"]; };"}) +
           "}\n";
  }

  std::mt19937 random_;
};

TEST(SoundDocuments, ThereIsNothingToSayAboutAny) {
  for (uint32_t seed = 1; seed <= 300; ++seed) {
    const std::string text = Author(seed).document();
    ASSERT_TRUE(read_text(text, "t.cfg").config) << "seed " << seed << ": " << said_about(text) << text;
    ASSERT_EQ(said_about(text), "") << "seed " << seed << "\n" << text;
  }
}

}  // namespace
}  // namespace cardea::conf
