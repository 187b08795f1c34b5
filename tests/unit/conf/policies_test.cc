// Policies of services and routes: what is read of them, what is printed again, each contradiction, and what a route has
// of its service.
#include "conf/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conf/pool_use.h"
#include "conf/print.h"
#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using settings::CompressionT;
using settings::HeaderEditsT;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSite = R"(
cluster: { name = "edge-1"; seed = "0123456789abcdef0123456789abcdef"; };
l7: { shards = [0]; geo: { countries = "/var/lib/GeoIP/c.mmdb"; as_numbers = "/var/lib/GeoIP/a.mmdb"; }; };
rate_limits = ( { name = "clients"; requests = 100; period = "1m"; burst = 20; keys = 5000; },
                { name = "keys"; key = "${header:X-Api-Key}"; requests = 10; } );
pools = ( { name = "web"; backends = ( { address = "127.0.0.1:8080"; } ); },
          { name = "auth"; backends = ( { address = "127.0.0.1:9091"; } ); },
          { name = "next"; backends = ( { address = "127.0.0.1:9092"; } ); } );
services = (
  { name = "shop"; mode = "http"; listen = ["0.0.0.0:80/tcp", "127.0.0.1:82/tcp"]; pool = "web";
    trusted_proxies: { from = ["10.0.0.0/8", "2001:DB8::/32"]; header = "Forwarded"; };
    response_headers: { set = ["X-Frame-Options: DENY", "X-Served-By: ${backend}"]; if_absent = ["Cache-Control: no-cache"]; remove = ["Server"]; };
    compress: { encodings = ["gzip", "br"]; types = ["Text/*", "*+json"]; size_min = "2KiB"; private = true; gzip_level = 9; };
    security_headers = "strict"; rate_limits = ["clients"]; forwarded = "on"; request_buffering: { bytes = "1MiB"; };
    access: { allow = ["192.0.2.0/24"]; deny_files = ["/etc/cardea/blocked"]; allow_countries = ["DE", "at"]; deny_countries = "RU";
              allow_as_numbers = [64500]; deny_as_numbers = [4294967295]; };
    basic_auth: { users = "/etc/cardea/users"; realm = "staff"; };
    error_pages = ( { status = [502, 503]; file = "/srv/sorry.html"; content_type = "text/plain"; } );
    routes = ( { match: { path = "/api/"; }; pool = "web"; rate_limits = "keys"; compress: { enabled = false; };
                 cors: { origins = ["https://App.example"]; methods = "PUT"; headers = ["X-A"]; credentials = true; max_age = "1h"; };
                 jwt: { jwks = "/etc/cardea/jwks"; public_keys = ["/etc/cardea/a.pem"]; secret = "/etc/cardea/s"; algorithms = "ES256";
                        issuers = "https://id.example/"; audiences = "shop"; claims = ["scope=a", "sub"]; type = "at+jwt"; leeway = "5s";
                        cookie = "session"; realm = "api"; forward = true; };
                 api_keys: { file = "/etc/cardea/keys"; header = "X-Key"; query = "key"; realm = "api"; forward = true; };
                 mirror: { pool = "next"; sample = 10; body_max = "1MiB"; under_way_max = 7; };
                 forward_auth: { pool = "auth"; path = "/verify?level=2"; host = "auth.internal"; request_headers = ["Accept"];
                                 answer_headers = ["X-Auth-User"]; client_headers = "Set-Cookie"; user_header = "X-Auth-User"; timeout = "2s";
                                 when_away = "refuse"; cache = "10s"; cache_refusals = "1s"; cache_key = "${cookie:session} ${host}"; };
                 request_headers: { set = "X-Client: ${client_address}"; add = ["X-Hop: 1"]; }; } ); },
  { name = "raw"; mode = "tcp"; listen = "0.0.0.0:81/tcp"; pool = "web"; } );
)";

TEST(Policies, EverySettingArrives) {
  const ReadResult read = read_text(kSite, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  EXPECT_EQ(findings_text(read.findings, read.source), "");
  const Service& shop = read.config->services[0];
  EXPECT_THAT(shop.policies.response_headers->set, ElementsAre("X-Frame-Options: DENY", "X-Served-By: ${backend}"));
  EXPECT_THAT(shop.policies.response_headers->if_absent, ElementsAre("Cache-Control: no-cache"));
  EXPECT_THAT(shop.policies.response_headers->remove, ElementsAre("Server"));
  EXPECT_EQ(shop.policies.request_headers, nullptr);
  EXPECT_THAT(shop.policies.trusted_proxies->from, ElementsAre("10.0.0.0/8", "2001:db8::/32"));
  EXPECT_EQ(shop.policies.trusted_proxies->header, "Forwarded");
  EXPECT_EQ(shop.policies.security_headers, settings::SecurityHeaders::strict);
  EXPECT_THAT(shop.policies.rate_limits, ElementsAre("clients"));
  EXPECT_THAT(shop.policies.access->allow, ElementsAre("192.0.2.0/24"));
  EXPECT_THAT(shop.policies.access->deny_files, ElementsAre("/etc/cardea/blocked"));
  EXPECT_THAT(shop.policies.access->allow_countries, ElementsAre("DE", "AT"));
  EXPECT_THAT(shop.policies.access->deny_countries, ElementsAre("RU"));
  EXPECT_THAT(shop.policies.access->allow_as_numbers, ElementsAre(64500u));
  EXPECT_THAT(shop.policies.access->deny_as_numbers, ElementsAre(4294967295u));
  EXPECT_EQ(read.config->l7->geo->countries, "/var/lib/GeoIP/c.mmdb");
  EXPECT_EQ(read.config->l7->geo->as_numbers, "/var/lib/GeoIP/a.mmdb");
  EXPECT_EQ(shop.policies.basic_auth->realm, "staff");
  EXPECT_THAT(shop.policies.error_pages[0]->status, ElementsAre(502, 503));
  EXPECT_EQ(shop.policies.error_pages[0]->content_type, "text/plain");
  EXPECT_THAT(shop.routes[0].policies.cors->origins, ElementsAre("https://app.example"));
  EXPECT_EQ(shop.routes[0].policies.cors->max_age_ms, 3'600'000u);
  const settings::JwtT& jwt = *shop.routes[0].policies.jwt;
  EXPECT_EQ(jwt.jwks, "/etc/cardea/jwks");
  EXPECT_THAT(jwt.public_keys, ElementsAre("/etc/cardea/a.pem"));
  EXPECT_EQ(jwt.secret, "/etc/cardea/s");
  EXPECT_THAT(jwt.algorithms, ElementsAre("ES256"));
  EXPECT_THAT(jwt.issuers, ElementsAre("https://id.example/"));
  EXPECT_THAT(jwt.audiences, ElementsAre("shop"));
  EXPECT_THAT(jwt.claims, ElementsAre("scope=a", "sub"));
  EXPECT_EQ(jwt.type, "at+jwt");
  EXPECT_EQ(jwt.leeway_ms, 5000u);
  EXPECT_EQ(jwt.cookie, "session");
  EXPECT_EQ(jwt.realm, "api");
  EXPECT_TRUE(jwt.forward);
  const settings::ApiKeysT& keys = *shop.routes[0].policies.api_keys;
  EXPECT_EQ(keys.file, "/etc/cardea/keys");
  EXPECT_EQ(keys.header, "X-Key");
  EXPECT_EQ(keys.query, "key");
  EXPECT_EQ(keys.realm, "api");
  EXPECT_TRUE(keys.forward);
  const settings::ForwardAuthT& auth = *shop.routes[0].policies.forward_auth;
  EXPECT_EQ(auth.pool, "auth");
  EXPECT_EQ(auth.path, "/verify?level=2");
  EXPECT_EQ(auth.host, "auth.internal");
  EXPECT_THAT(auth.request_headers, ElementsAre("Accept"));
  EXPECT_THAT(auth.answer_headers, ElementsAre("X-Auth-User"));
  EXPECT_THAT(auth.client_headers, ElementsAre("Set-Cookie"));
  EXPECT_EQ(auth.user_header, "X-Auth-User");
  EXPECT_EQ(auth.timeout_ms, 2000u);
  EXPECT_EQ(auth.when_away, settings::WhenAway::refuse);
  EXPECT_EQ(auth.cache_ms, 10'000u);
  EXPECT_EQ(auth.cache_refusals_ms, 1000u);
  EXPECT_EQ(auth.cache_key, "${cookie:session} ${host}");
  EXPECT_EQ(shop.policies.forwarded, settings::Forwarded::on);
  EXPECT_EQ(shop.policies.request_buffering->bytes, 1u << 20);
  const settings::MirrorT& mirror = *shop.routes[0].policies.mirror;
  EXPECT_EQ(mirror.pool, "next");
  EXPECT_EQ(mirror.sample, 10u);
  EXPECT_EQ(mirror.body_max, 1u << 20);
  EXPECT_EQ(mirror.under_way_max, 7u);
  EXPECT_THAT(pools_of(shop), ElementsAre("web", "auth", "next")) << "its backends' health counts, and it is a pool of L7's";
  EXPECT_TRUE(PoolUses(*read.config).of("auth").l7);
  const settings::RateLimitT& clients = read.config->rate_limits[0];
  EXPECT_EQ(clients.requests, 100u);
  EXPECT_EQ(clients.period_ms, 60'000u);
  EXPECT_EQ(clients.burst, 20u);
  EXPECT_EQ(clients.keys_max, 5000u);
  EXPECT_EQ(read.config->rate_limits[1].key, "${header:X-Api-Key}");
  const settings::CompressionT& compress = *shop.policies.compress;
  EXPECT_THAT(compress.encodings, ElementsAre("gzip", "br"));
  EXPECT_THAT(compress.types, ElementsAre("text/*", "*+json"));
  EXPECT_EQ(compress.size_min, 2048u);
  EXPECT_TRUE(compress.private_too && compress.enabled);
  EXPECT_EQ(compress.gzip_level, 9);
  EXPECT_EQ(compress.brotli_level, 4);
  EXPECT_FALSE(shop.routes[0].policies.compress->enabled);
  EXPECT_THAT(shop.routes[0].policies.request_headers->set, ElementsAre("X-Client: ${client_address}"));
  EXPECT_THAT(shop.routes[0].policies.request_headers->add, ElementsAre("X-Hop: 1"));
}

TEST(Policies, PrintedFormReadsBack) {
  const auto config = read_text(kSite, "t.cfg").config;
  const std::string printed = print(*config, Secrets::kShown);
  const ReadResult again = read_text(printed, "printed.cfg");
  ASSERT_TRUE(again.config) << printed << findings_text(again.findings, again.source);
  EXPECT_EQ(*again.config, *config) << printed;
}

TEST(Policies, EachContradictionIsReported) {
  const Case cases[] = {
      {"countries = \"/var/lib/GeoIP/c.mmdb\"; ", "", "asks for countries, and no database knows them"},
      {"as_numbers = \"/var/lib/GeoIP/a.mmdb\"; ", "", "l7: { geo: { as_numbers = "},
      {"geo: { countries = \"/var/lib/GeoIP/c.mmdb\"; as_numbers = \"/var/lib/GeoIP/a.mmdb\"; };", "geo: { };", "no database is named"},
      {"[\"DE\", \"at\"]", "[\"Germany\"]", "a country's two letters"},
      {"[\"DE\", \"at\"]", "[\"D1\"]", "a country's two letters"},
      {"l7: { shards = [0]; geo: { countries = \"/var/lib/GeoIP/c.mmdb\"; as_numbers = \"/var/lib/GeoIP/a.mmdb\"; }; };\n"
       "rate_limits = ( { name = \"clients\"; requests = 100;",
       "l7: { shards = [0]; };\nrate_limits = ( { name = \"clients\"; key = \"${client_country}\"; requests = 100;",
       "rate_limits[0].key"},
      {"[64500]", "[0]", "from 1 to 4294967295"},
      {"X-Frame-Options: DENY", "X-Frame-Options DENY", "did you mean \"X-Frame-Options: DENY\"?"},
      {"X-Frame-Options: DENY", "Content-Length: 5", "Content-Length is written by cardea-l7 itself"},
      {"X-Frame-Options: DENY", "x-served-by: b", "header x-served-by is already used"},
      {"${client_address}", "${client_adress}", "did you mean \"X-Client: ${client_address}\"?"},
      {"${client_address}", "${backend}", "is not known yet when the request is sent on"},
      {"${client_address}", "${client_address", "does not close"},
      {"\"gzip\", \"br\"", "\"gzip\", \"gzip\"", "encoding gzip is already used"},
      {"\"gzip\", \"br\"", "\"gzip\", \"brotli\"", "\"br\""},
      {"gzip_level = 9", "gzip_level = 10", "from 1 to 9"},
      {"\"Text/*\"", "\"text/html; charset=utf-8\"", "did you mean \"text/html\"?"},
      {"\"Text/*\"", "\"*\"", "a media type such as"},
      {"\"Server\"", "\"Server: x\"", "did you mean \"Server\"?"},
      {"rate_limits = [\"clients\"]", "rate_limits = [\"clints\"]", "did you mean \"clients\"?"},
      {"name = \"keys\"", "name = \"clients\"", "rate limit name \"clients\" is already used"},
      {"${header:X-Api-Key}", "${backend}", "is not known yet"},
      {"requests = 10;", "", "nothing is limited"},
      {"requests = 10;", "requests = 0;", "nothing is limited"},
      {"requests = 10;", "response_bytes = \"1PB\"; request_bytes = \"9\"; connections = -1;", "rate_limits[1].connections"},
      {"requests = 10;", "requests = 10; block_for = \"1m\";", "only an address can be blocked"},
      {"requests = 100;", "requests = 100; block_for = \"1m\";", "there is no dataplane that could"},
      {"[64500]", "[64500]; deny_ja4 = [\"t13d15\"]", "a JA4 fingerprint such as"},
      {"[64500]", "[64500]; deny_ja4 = [\"q13d1516h2_8daaf6152771_d8a2da3f94cd\"]", "a JA4 fingerprint such as"},
      {"[64500]", "[64500]; deny_ja4 = [\"*\"]", "a JA4 fingerprint such as"},
      {"cookie = \"session\";", "", "Authorization holds a password or a token"},
      {"cookie = \"session\";", "cookie = \"session\"; header = \"X-T\";", "in a header or in a cookie"},
      {"jwks = \"/etc/cardea/jwks\"; public_keys = [\"/etc/cardea/a.pem\"]; secret = \"/etc/cardea/s\";", "", "no token could be verified"},
      {"audiences = \"shop\";", "", "another site is good here too"},
      {"algorithms = \"ES256\";", "algorithms = \"none\";", "RS256"},
      {"file = \"/etc/cardea/keys\";", "", "no key that anybody could have"},
      {"\"https://App.example\"", "\"*\"", "cannot be had with the origin \"*\""},
      {"\"https://App.example\"", "\"app.example\"", "did you mean \"https://app.example\"?"},
      {"\"https://App.example\"", "\"https://app.example/x\"", "did you mean \"https://app.example\"?"},
      {"\"https://App.example\"", "\"https://app.example:443\"", "did you mean \"https://app.example\"?"},
      {"\"https://App.example\"", "\"http://app.example:80\"", "leaves its scheme's own port out"},
      {"\"https://App.example\"", "\"https://m\u00fcnchen.example\"", "its form with \"xn--\""},
      {"\"https://App.example\"", "\"https://app.example:x\"", "names no port"},
      {"\"https://App.example\"", "\"https://a b\"", "names no host"},
      {"\"https://App.example\"", "\"https://a.*.example\"", "names no host"},
      {"header = \"X-Key\"", "header = \"Host\"", "Host is written by cardea-l7 itself"},
      {"cookie = \"session\";", "header = \"Connection\";", "Connection is written by cardea-l7 itself"},
      {"cookie = \"session\";", "header = \"x-key\";", "x-key holds a key or a token, and both are asked for"},
      {"header = \"X-Key\"", "header = \"authorization\"", "authorization holds a password or a key, and both are asked for"},
      {"\"10.0.0.0/8\"", "\"0.0.0.0/0\"", "0.0.0.0/0 is everybody"},
      {"{ allow = [\"192.0.2.0/24\"]; deny_files = [\"/etc/cardea/blocked\"]; allow_countries = [\"DE\", \"at\"]; deny_countries = \"RU\";\n"
       "              allow_as_numbers = [64500]; deny_as_numbers = [4294967295]; }",
       "{ }", "everybody may ask"},
      {"pool = \"auth\"; path", "path", "\"pool\" is missing: nobody could be asked"},
      {"pool = \"auth\"; path", "pool = \"aut\"; path", "did you mean \"auth\"?"},
      {"pool = \"next\"; sample", "sample", "\"pool\" is missing: nobody would get the copies"},
      {"pool = \"next\"; sample", "pool = \"nxt\"; sample", "did you mean \"next\"?"},
      {"127.0.0.1:9092", "127.0.0.1:82", "in a circle"},
      {"\"/verify?level=2\"", "\"verify\"", "did you mean \"/verify\"?"},
      {"\"/verify?level=2\"", "\"https://auth.example/verify\"", "a path, with a query where it needs one"},
      {"\"/verify?level=2\"", "\"/a b\"", "a path, with a query where it needs one"},
      {"when_away = \"refuse\"", "when_away = \"pass\"", "while that service is away everybody passes"},
      {"cache = \"10s\"; cache_refusals = \"1s\";", "", "nothing is remembered that would go by it"},
      {"answer_headers = [\"X-Auth-User\"]", "answer_headers = [\"Host\"]", "forward_auth.answer_headers"},
      {"127.0.0.1:9091", "127.0.0.1:82", "in a circle"},
      {"users = \"/etc/cardea/users\";", "", "\"users\" is missing"},
      {"status = [502, 503]", "status = [302]", "services[0].error_pages[0].status"},
      {"\"10.0.0.0/8\"", "\"10.0.0.0\"", "services[0].trusted_proxies.from"},
      {"{ set = \"X-Client: ${client_address}\"; add = [\"X-Hop: 1\"]; }", "{ }", "nothing is changed"},
      {"listen = \"0.0.0.0:81/tcp\"; pool = \"web\";",
       "listen = \"0.0.0.0:81/tcp\"; pool = \"web\"; response_headers: { remove = \"Server\"; };",
       "error: services[1].response_headers: cannot be had with a service of mode \"tcp\"; expected mode = \"http\""},
      {"listen = \"0.0.0.0:81/tcp\"; pool = \"web\";",
       "listen = \"0.0.0.0:81/tcp\"; routes = ( { pool = \"web\"; response_headers: { remove = \"Server\"; }; } );",
       "error: services[1].routes[0].response_headers: cannot be had with a route of a service of mode \"tcp\""},
  };
  for (const Case& row : cases) {
    const std::string said = said_about(with(kSite, row.from, row.to));
    EXPECT_THAT(said, HasSubstr(row.said)) << row.to;
  }
}

TEST(Policies, AnOriginIsWrittenAsBrowsersSendIt) {
  for (const char* const good : {"https://[2001:db8::1]", "https://[2001:db8::1]:8443", "http://app.example:443", "https://*.example:8443", "*"})
    EXPECT_EQ(said_about(with(with(kSite, "credentials = true;", ""), "https://App.example", good)), "") << good;
}

TEST(Policies, ALimitThatCountsByWhoAsksSaysWhereNobodyIsAsked) {
  const std::string by_token = with(kSite, "${header:X-Api-Key}", "${jwt:sub}"), of_nobody = "limits nobody: it counts by ${jwt:sub}";
  const std::string jwt = by_token.substr(by_token.find("jwt: {"), by_token.find("api_keys: {") - by_token.find("jwt: {"));
  EXPECT_EQ(said_about(by_token), "");
  EXPECT_THAT(said_about(with(by_token, jwt, "")), HasSubstr("warning: services[0].routes[0].rate_limits"));
  EXPECT_THAT(said_about(with(by_token, jwt, "")), HasSubstr(of_nobody));
  EXPECT_EQ(said_about(with(with(by_token, jwt, ""), "${jwt:sub}", "${client_address} ${jwt:sub}")), "");
  EXPECT_EQ(said_about(with(by_token, "[\"clients\"]", "[\"clients\", \"keys\"]")), "") << "one of the routes asks";
  EXPECT_THAT(said_about(with(with(by_token, jwt, ""), "[\"clients\"]", "[\"clients\", \"keys\"]")), HasSubstr("services[0].rate_limits[1]"));
}

settings::PoliciesT edits(HeaderEditsT of_responses) {
  settings::PoliciesT policies;
  policies.response_headers = std::make_unique<HeaderEditsT>(std::move(of_responses));
  return policies;
}

TEST(Merged, ARouteChangesHeadersBesideItsService) {
  HeaderEditsT service, route;
  service.set = {"A: service", "B: service"}, service.add = {"C: service"}, service.if_absent = {"D: service"};
  service.remove = {"Server"};
  route.set = {"a: route"}, route.remove = {"c"}, route.if_absent = {"E: route"};
  const settings::PoliciesT both = merged(edits(service), edits(route));
  EXPECT_THAT(both.response_headers->set, ElementsAre("B: service", "a: route"));
  EXPECT_TRUE(both.response_headers->add.empty());
  EXPECT_THAT(both.response_headers->if_absent, ElementsAre("D: service", "E: route"));
  EXPECT_THAT(both.response_headers->remove, ElementsAre("Server", "c"));
  EXPECT_EQ(both.request_headers, nullptr);
}

TEST(Merged, LimitsAddUpAndTheRestIsTheRoutesOwn) {
  settings::PoliciesT service, route;
  service.rate_limits = {"a", "b"}, route.rate_limits = {"b", "c"};
  service.access = std::make_unique<settings::AccessT>(), route.access = std::make_unique<settings::AccessT>();
  service.access->deny = {"10.0.0.0/8"}, route.access->deny = {"11.0.0.0/8"};
  service.security_headers = settings::SecurityHeaders::basic;
  settings::PoliciesT both = merged(service, route);
  EXPECT_THAT(both.rate_limits, ElementsAre("a", "b", "c"));
  EXPECT_THAT(both.access->deny, ElementsAre("11.0.0.0/8"));
  EXPECT_EQ(both.security_headers, settings::SecurityHeaders::basic);
  route.security_headers = settings::SecurityHeaders::none;
  EXPECT_EQ(merged(service, route).security_headers, settings::SecurityHeaders::none);
}

settings::PoliciesT compressing(CompressionT with) {
  settings::PoliciesT policies;
  policies.compress = std::make_unique<CompressionT>(std::move(with));
  return policies;
}

TEST(Merged, ARoutesCompressionStandsInPlaceOfItsServices) {
  CompressionT service, route, off;
  service.encodings = {"gzip"}, service.types = {"text/html"}, route.size_min = 5, off.enabled = false;
  const settings::PoliciesT its = merged(compressing(service), compressing(route));
  EXPECT_EQ(its.compress->encodings, usual_encodings());
  EXPECT_EQ(its.compress->types, usual_compressed_types());
  EXPECT_EQ(its.compress->size_min, 5u);
  EXPECT_THAT(merged(compressing(service), {}).compress->encodings, ElementsAre("gzip"));
  EXPECT_EQ(merged(compressing(service), compressing(off)).compress, nullptr);
  EXPECT_NE(merged(compressing(off), compressing(route)).compress, nullptr);
  EXPECT_EQ(merged({}, {}).compress, nullptr);
}

TEST(Merged, ARouteIsTakenOutOfWhatItsServiceAsks) {
  settings::PoliciesT service, open;
  service.forward_auth = std::make_unique<settings::ForwardAuthT>(), open.forward_auth = std::make_unique<settings::ForwardAuthT>();
  open.forward_auth->enabled = false;
  service.mirror = std::make_unique<settings::MirrorT>(), open.mirror = std::make_unique<settings::MirrorT>();
  open.mirror->enabled = false;
  EXPECT_NE(merged(service, {}).forward_auth, nullptr);
  EXPECT_EQ(merged(service, open).forward_auth, nullptr);
  EXPECT_NE(merged(service, {}).mirror, nullptr);
  EXPECT_EQ(merged(service, open).mirror, nullptr);
  service.request_buffering = std::make_unique<settings::RequestBufferingT>();
  open.request_buffering = std::make_unique<settings::RequestBufferingT>();
  open.request_buffering->enabled = false;
  EXPECT_NE(merged(service, {}).request_buffering, nullptr);
  EXPECT_EQ(merged(service, open).request_buffering, nullptr);
  service.forwarded = settings::Forwarded::on;
  EXPECT_EQ(merged(service, open).forwarded, settings::Forwarded::on);
  open.forwarded = settings::Forwarded::off;
  EXPECT_EQ(merged(service, open).forwarded, settings::Forwarded::off);
  service.jwt = std::make_unique<settings::JwtT>(), service.api_keys = std::make_unique<settings::ApiKeysT>();
  service.jwt->realm = "shop";
  open.jwt = std::make_unique<settings::JwtT>(), open.api_keys = std::make_unique<settings::ApiKeysT>();
  open.jwt->enabled = open.api_keys->enabled = false;
  EXPECT_EQ(merged(service, {}).jwt->realm, "shop");
  EXPECT_NE(merged(service, {}).api_keys, nullptr);
  EXPECT_EQ(merged(service, open).jwt, nullptr);
  EXPECT_EQ(merged(service, open).api_keys, nullptr);
}

TEST(Merged, OneOfTheTwoStandsAlone) {
  HeaderEditsT some;
  some.set = {"A: b"};
  EXPECT_EQ(merged(edits(some), {}), edits(some));
  EXPECT_EQ(merged({}, edits(some)), edits(some));
  EXPECT_EQ(merged({}, {}), settings::PoliciesT());
}

}  // namespace
}  // namespace cardea::conf
