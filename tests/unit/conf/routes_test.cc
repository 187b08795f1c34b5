// What routes match and do, as it is written: what is read of it, what is printed again, and each contradiction.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "conf/pool_use.h"
#include "conf/print.h"
#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSite = R"conf(
cluster: { name = "edge-1"; seed = "0123456789abcdef0123456789abcdef"; };
l7: { shards = [0]; };
pools = ( { name = "web"; backends = ( { address = "127.0.0.1:8080"; } ); },
          { name = "api"; backends = ( { address = "127.0.0.1:8081"; } ); } );
services = (
  { name = "plain"; mode = "http"; listen = "0.0.0.0:80/tcp"; redirect: { scheme = "https"; }; },
  { name = "shop"; mode = "http"; listen = "0.0.0.0:8080/tcp";
    routes = (
      { name = "robots"; match: { path_exact = "/robots.txt"; }; respond: { content_type = "text/plain"; body = "User-agent: *\nDisallow: /\n"; }; },
      { name = "moved"; match: { path = "/old/"; }; redirect: { status = 308; prefix = "/new/"; host = "www.shop.com"; port = 8443; keep_query = false; }; },
      { name = "beta"; match: { path_regex = "/v[0-9]+/.*"; method = ["GET", "HEAD"]; client = ["10.0.0.0/8", "2001:db8::/32"];
                                headers = ( { name = "X-Beta"; exact = "1"; }, { name = "Authorization"; absent = true; } );
                                query = ( { name = "v"; prefix = "2"; } ); cookies = ( { name = "side"; regex = "[ab]"; } ); };
        split = ( { pool = "web"; weight = 90; }, { pool = "api"; weight = 10; } ); split_by = "client";
        rewrite: { host = "::1"; }; },
      { name = "items"; match: { path_regex = "/items/([0-9]+)"; }; pool = "web"; rewrite: { path = "/item.php?id=${path:1}"; }; },
      { name = "assets"; match: { path = "/assets/"; };
        files: { root = "/srv/www"; prefix = "/"; index = "start.html"; fallback = "/app.html"; precompressed = true; max_age = "720h"; }; } );
    pool = "web"; } );
)conf";

TEST(Routes, EverySettingArrives) {
  const ReadResult read = read_text(kSite, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  EXPECT_EQ(findings_text(read.findings, read.source), "");
  const Service &plain = read.config->services[0], &shop = read.config->services[1];
  EXPECT_EQ(plain.redirect->scheme, Scheme::kHttps);
  EXPECT_EQ(plain.redirect->status, 301);
  EXPECT_EQ(shop.routes[0].match.path_exact, "/robots.txt");
  EXPECT_EQ(shop.routes[0].respond->body, "User-agent: *\nDisallow: /\n");
  const Redirect& moved = *shop.routes[1].redirect;
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(moved.prefix, "/new/");
  EXPECT_EQ(moved.host, "www.shop.com");
  EXPECT_EQ(moved.port, 8443);
  EXPECT_FALSE(moved.keep_query);
  const Route& beta = shop.routes[2];
  EXPECT_THAT(beta.match.methods, ElementsAre("GET", "HEAD"));
  EXPECT_EQ(beta.match.clients.size(), 2u);
  EXPECT_EQ(beta.match.headers[0].exact, "1");
  EXPECT_TRUE(beta.match.headers[1].absent);
  EXPECT_EQ(beta.match.query[0].prefix, "2");
  EXPECT_EQ(beta.match.cookies[0].regex, "[ab]");
  EXPECT_EQ(beta.split[1].weight, 10u);
  EXPECT_EQ(beta.split_by, SplitBy::kClient);
  EXPECT_EQ(beta.rewrite->host, "[::1]") << "as it stands in a Host header";
  EXPECT_THAT(pools_of(shop), ElementsAre("web", "api"));
  EXPECT_EQ(shop.routes[3].rewrite->path, "/item.php?id=${path:1}");
  const Files& assets = *shop.routes[4].files;
  EXPECT_EQ(assets.root, "/srv/www");
  EXPECT_EQ(assets.prefix, "/");
  EXPECT_EQ(assets.index, "start.html");
  EXPECT_EQ(assets.fallback, "/app.html");
  EXPECT_TRUE(assets.precompressed);
  EXPECT_EQ(assets.max_age, std::chrono::hours(720));
}

TEST(Routes, PrintedFormReadsBack) {
  const auto config = read_text(kSite, "t.cfg").config;
  const std::string printed = print(*config, Secrets::kShown);
  const ReadResult again = read_text(printed, "printed.cfg");
  ASSERT_TRUE(again.config) << printed << findings_text(again.findings, again.source);
  EXPECT_EQ(*again.config, *config) << printed;
}

TEST(Routes, EachContradictionIsReported) {
  const Case cases[] = {
      {"redirect: { scheme = \"https\"; };", "",
       "error: services[0].pool: \"pool\" is missing; expected a pool, a redirect"},
      {"redirect: { scheme = \"https\"; };", "redirect: { scheme = \"http\"; };",
       "error: services[0].redirect: clients of this http service are sent where they came from, in a circle"},
      {"redirect: { scheme = \"https\"; };", "redirect: { status = 302; };", "in a circle"},
      {"redirect: { scheme = \"https\"; };", "redirect: { scheme = \"https\"; }; pool = \"web\";",
       "error: services[0].redirect: one of pool, split, redirect, respond and files can be done with a request, and not "
       "two"},
      {"redirect: { scheme = \"https\"; };", "redirect: { scheme = \"https\"; }; respond: { };", "and not two"},
      {"redirect: { scheme = \"https\"; };", "redirect: { scheme = \"gopher\"; };",
       "error: services[0].redirect.scheme"},
      {"redirect: { scheme = \"https\"; };", "redirect: { scheme = \"https\"; }; files: { root = \"/srv\"; };",
       "error: services[0].files: one of pool"},
      {"files: {", "cache = \"edge\"; files: {", "no backend is asked by a route that answers by itself"},
      {"root = \"/srv/www\"; ", "", "error: services[1].routes[4].files: \"root\" is missing"},
      {"root = \"/srv/www\"", "root = \"srv/www\"", "expected an absolute path, such as \"/srv/www\""},
      {"fallback = \"/app.html\"", "fallback = \"/app/\"", "a folder cannot be sent"},
      {"fallback = \"/app.html\"", "fallback = \"/../app.html\"", "it leads out of the folder"},
      {"index = \"start.html\"", "index = \"a/start.html\"", "services[1].routes[4].files.index"},
      {"match: { path = \"/assets/\"; };", "match: { path_regex = \"/a.*\"; };", "has no prefix that could be replaced"},
      {"status = 308", "status = 304", "304 sends nobody elsewhere; expected 301, 302, 303, 307 or 308"},
      {"prefix = \"/new/\"", "prefix = \"//evil\"", "begins with the name of a host"},
      {"prefix = \"/new/\"", "prefix = \"https://a/\"", "is more than a path"},
      {"prefix = \"/new/\"", "prefix = \"/a\\r\\nb\"", "has to be percent-encoded"},
      {"prefix = \"/new/\"", "prefix = \"/new/\"; path = \"/x\"", "the path is replaced as a whole already"},
      {"www.shop.com", "*.shop.com", "is many hosts"},
      {"www.shop.com", "www.shop.com:81", "is more than a host"},
      {"\"text/plain\"", "\"text/plain\\r\\nX: y\"", "a header has no line's end"},
      {"respond: { content", "respond: { status = 204; content",
       "error: services[1].routes[0].respond.body: an answer 204 has no body"},
      {"respond: { content", "cache = \"edge\"; respond: { content",
       "no backend is asked by a route that answers by itself"},
      {"respond: { content", "rewrite: { prefix = \"/\"; }; respond: { content", "no backend is asked"},
      {"\"/v[0-9]+/.*\"", "\"/v[0-9+/.*\"",
       "error: services[1].routes[2].match.path_regex: \"/v[0-9+/.*\" is no regular expression: missing ]"},
      {"regex = \"[ab]\"", "regex = \"(?=a)\"", "is no regular expression: invalid perl operator"},
      {"regex = \"[ab]\"", "regex = \"(((a{100}){100}){100})\"", "is no regular expression"},
      {"path_exact = \"/robots.txt\"", "path_exact = \"/robots.txt\"; path = \"/r\"", "a path is matched in one way"},
      {"\"HEAD\"", "\"head\"",
       "they are in capital letters; expected a method such as \"GET\"; did you mean \"HEAD\"?"},
      {"exact = \"1\";", "exact = \"1\"; absent = true;",
       "error: services[1].routes[2].match.headers[0]: a value is compared in one way"},
      {"name = \"X-Beta\"", "name = \"X Beta\"", "error: services[1].routes[2].match.headers[0].name"},
      {"10.0.0.0/8", "10.0.0.0", "error: services[1].routes[2].match.client"},
      {"weight = 90", "weight = 0", ""},
      {"{ pool = \"web\"; weight = 90; }, { pool = \"api\"; weight = 10; }", "{ pool = \"web\"; weight = 0; }",
       "all of them have weight 0"},
      {"{ pool = \"web\"; weight = 90; }", "{ pool = \"api\"; weight = 90; }", "share of pool \"api\" is already used"},
      {"{ pool = \"web\"; weight = 90; }", "{ pool = \"apo\"; }", "there is no pool \"apo\""},
      {"split = ( { pool = \"web\"; weight = 90; }, { pool = \"api\"; weight = 10; } )", "pool = \"api\"",
       "warning: services[1].routes[2].split_by: has no effect without a split"},
      {"rewrite: { host = \"::1\"; }", "rewrite: { prefix = \"/\"; }",
       "a path_regex has no prefix that could be replaced"},
      {"rewrite: { host = \"::1\"; }", "rewrite: { }", "nothing is rewritten"},
      {"id=${path:1}", "id=${path:2}", "error: services[1].routes[3].rewrite.path: the path_regex has no group \"2\", but 1"},
      {"id=${path:1}", "id=${host}", "nothing but groups of the path's can stand in it"},
      {"/item.php?id=${path:1}", "item.php", "does not begin with '/'"},
      {"/item.php?id=${path:1}", "/a b", "has to be percent-encoded"},
      {"path_regex = \"/items/([0-9]+)\"", "path = \"/items/\"", "there is no path_regex whose group ${path:1} could be"},
      {"/items/([0-9]+)", "/items/([0-9]{300})", "is too much to match where its groups are used"},
      {"id=${path:1}\"; }", "id=${path:1}\"; prefix = \"/\"; }", "a prefix is replaced already"},
      {"id=${path:1}\"; };", "id=${path:1}\"; }; request_headers: { set = [\"X-Item: ${path:item}\"]; };",
       "error: services[1].routes[3].request_headers.set[0]: the path_regex has no group \"item\", but 1"},
      {"id=${path:1}\"; };", "id=${path:1}\"; }; response_headers: { add = [\"X-Item: ${path:1}\"]; };", ""},
      {"redirect: { scheme = \"https\"; };", "redirect: { path = \"/${path:1}\"; };", "error: services[0].redirect.path: there is no path_regex"},
      {"redirect: { scheme = \"https\"; };", "redirect: { path = \"/sorry?from=here\"; };", ""},
      {"mode = \"http\"; listen = \"0.0.0.0:80/tcp\"", "mode = \"tcp\"; listen = \"0.0.0.0:80/tcp\"",
       "error: services[0].redirect: cannot be had with a service of mode \"tcp\""},
  };
  for (const Case& row : cases) {
    const std::string said = said_about(with(kSite, row.from, row.to));
    EXPECT_THAT(said, HasSubstr(row.said)) << row.to;
    if (*row.said == '\0') EXPECT_EQ(said, "") << row.to;
  }
}

// Routes of one host and path are told apart by their conditions.
TEST(Routes, OnlyTheSameConditionsAreTakenByAnother) {
  const std::string route = "{ match: { path = \"/x\"; headers = ( { name = \"A\"; } ); }; pool = \"web\"; },\n";
  const std::string other = "{ match: { path = \"/x\"; headers = ( { name = \"B\"; } ); }; pool = \"web\"; },\n";
  const std::string plain = "{ match: { path = \"/x\"; }; pool = \"web\"; },\n";
  const auto said = [](const std::string& routes) {
    return said_about(with(kSite, "routes = (", "routes = (" + routes));
  };
  EXPECT_EQ(said(plain + route + other), "");
  EXPECT_THAT(said(route + other + route), HasSubstr("warning: services[1].routes[2]: all of its requests are taken"));
  EXPECT_THAT(said("{ pool = \"web\"; },"), HasSubstr("takes every request: none is left for this pool"));
}

}  // namespace
}  // namespace cardea::conf
