// Where redirects lead: rows of what a client asked for and the URL it is sent to.
#include "l7/route/location.h"

#include <gtest/gtest.h>

#include "l7/http/parse_head.h"

namespace cardea::l7::route {
namespace {

struct Row {
  Redirect redirect;
  const char *scheme, *host, *target, *prefix, *location;
};

std::string location_of(const Row& row) {
  const std::string text = std::string("GET ") + row.target + " HTTP/1.1\r\nHost: " + row.host + "\r\n\r\n";
  http::RequestHead head;
  http::HeadScan scan;
  const auto read = http::parse_request_head(text, {}, scan, head);
  EXPECT_TRUE(read.done()) << text;
  std::string scratch(scratch_size(head.path), '\0');
  const auto path = read_path(head.path, scratch);
  EXPECT_TRUE(path.has_value()) << text;
  Target target{head, row.scheme, *path, row.prefix};
  std::string made(made_size(row.redirect.made, *path, head.query), '\0');
  if (!row.redirect.made.empty())
    target.made = make_target(made, row.redirect.made, nullptr, *path, row.redirect.keeps_query ? head.query : "").value();
  std::string room(location_size(row.redirect, target), '\0');
  return std::string(write_location(room, row.redirect, target));
}

Redirect to_https(uint16_t port = 0) {
  return {.scheme = "https", .port = port};
}
Redirect to_host(std::string host) {
  return {.host = std::move(host)};
}
Redirect to_path(std::string_view path, bool keeps_query = true) {
  return {.made = PathTemplate::parse(path, nullptr).value(), .keeps_query = keeps_query};
}
Redirect to_prefix(std::string prefix) {
  return {.prefix = std::move(prefix)};
}

TEST(Location, KeepsWhatIsNotReplaced) {
  const Row rows[] = {
      {to_https(), "http", "shop.com", "/a?b=c", "/", "https://shop.com/a?b=c"},
      {to_https(), "http", "shop.com:80", "/", "/", "https://shop.com/"},
      {to_https(), "http", "shop.com:8080", "/", "/", "https://shop.com/"},
      {to_https(8443), "http", "shop.com:8080", "/", "/", "https://shop.com:8443/"},
      {to_https(443), "http", "shop.com:8080", "/", "/", "https://shop.com/"},
      {to_https(), "http", "[2001:db8::1]:8080", "/", "/", "https://[2001:db8::1]/"},
      {to_https(), "http", "SHOP.com.", "/?", "/", "https://shop.com/?"},
      {to_host("www.shop.com"), "https", "shop.com:8443", "/x", "/", "https://www.shop.com:8443/x"},
      {to_host("www.shop.com"), "https", "shop.com", "/x", "/", "https://www.shop.com/x"},
      {to_host("[2001:db8::2]"), "http", "shop.com:81", "/x", "/", "http://[2001:db8::2]:81/x"},
      {to_path("/sorry"), "http", "a", "/x/y?z", "/x", "http://a/sorry?z"},
      {to_path("/sorry", false), "http", "a", "/x/y?z", "/x", "http://a/sorry"},
      {{.scheme = "http"}, "https", "a:8443", "/", "/", "http://a/"},
  };
  for (const Row& row : rows) EXPECT_EQ(location_of(row), row.location);
}

// What an open redirect would be made of stays in the path of the host that was asked.
TEST(Location, NoPathIsReadAsAHost) {
  const Row rows[] = {
      {to_https(), "http", "a", "//evil.com/", "/", "https://a//evil.com/"},
      {to_https(), "http", "a", "/%5cevil.com", "/", "https://a/%5cevil.com"},
      {to_prefix("/"), "http", "a", "/old//evil.com", "/old", "http://a/evil.com"},
      {to_https(), "http", "a", "/@evil.com", "/", "https://a/@evil.com"},
      {to_https(), "http", "a", "/x?u=%0d%0aSet-Cookie:x", "/", "https://a/x?u=%0d%0aSet-Cookie:x"},
      {to_https(), "http", "a", "http://b/c", "/", "https://b/c"},
  };
  for (const Row& row : rows) EXPECT_EQ(location_of(row), row.location);
}

// As the Gateway API has it, row by row, with paths in every spelling.
TEST(Location, APrefixIsReplacedWithOneSlashWhereTheyMeet) {
  const struct {
    const char *path, *prefix, *by, *location;
  } rows[] = {
      {"/foo/bar", "/foo", "/xyz", "/xyz/bar"},
      {"/foo/bar", "/foo", "/xyz/", "/xyz/bar"},
      {"/foo/bar", "/foo/", "/xyz", "/xyz/bar"},
      {"/foo/bar", "/foo/", "/xyz/", "/xyz/bar"},
      {"/foo", "/foo", "/xyz", "/xyz"},
      {"/foo/", "/foo", "/xyz", "/xyz/"},
      {"/foo", "/foo", "/xyz/", "/xyz/"},
      {"/foo/bar", "/foo", "/", "/bar"},
      {"/foo/", "/foo", "/", "/"},
      {"/foo", "/foo", "/", "/"},
      {"/foo//bar//x", "/foo", "/", "/bar//x"},
      {"/foo//", "/foo/", "/", "/"},
      {"/foo//bar", "/foo", "/xyz", "/xyz//bar"},
      {"/x", "/", "/app", "/app/x"},
      {"/", "/", "/app", "/app/"},
      {"/f%6fo/b%61r", "/foo", "/v2", "/v2/bar"},
      {"/a/../foo/x", "/foo", "/v2", "/v2/x"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(location_of({to_prefix(row.by), "http", "a", row.path, row.prefix, ""}),
              std::string("http://a") + row.location)
        << row.path << " " << row.prefix << " " << row.by;
}

TEST(Location, OptionsOfTheWholeServerIsSentToItsRoot) {
  http::RequestHead head;
  head.authority = {"a", "a", 0};
  const PathReading path{"/", "/", "*"};
  for (const Redirect& redirect : {to_https(), Redirect{.scheme = "https", .prefix = "/"}}) {
    const Target target{head, "http", path, "/"};
    std::string room(location_size(redirect, target), '\0');
    EXPECT_EQ(write_location(room, redirect, target), "https://a/");
  }
}

std::string made(std::string_view text, std::string_view regex, std::string_view path) {
  const Pattern of = Pattern::compile_with_groups(regex).value();
  const PathTemplate by = PathTemplate::parse(text, &of).value();
  std::string scratch(scratch_size(path), '\0');
  const auto reading = read_path(path, scratch);
  if (!reading) return "unread";
  std::string room(made_size(by, *reading, ""), '\0');
  const auto target = make_target(room, by, &of, *reading, "");
  return target ? std::string(target->path) : std::string(http::word(target.error()));
}

// What groups come together to is read once more.
TEST(MadeTarget, LeadsWhereItReads) {
  const struct {
    const char *text, *regex, *path, *said;
  } rows[] = {
      {"/static/${path:1}", "/x(.*)", "/xa/b", "/static/a/b"},
      {"/static/${path:1}", "/x(.*)", "/x..", "path_made"},
      {"/static/${path:1}", "/x(.*)", "/x.", "path_made"},
      {"/static/${path:1}/y", "/x(.*)", "/x../y", "path_made"},
      {"/static/${path:1}", "/x(.*)", "/xa%20b", "/static/a%20b"},
      {"/static/${path:1}", "/x(..)..*", "/xa%20b", "path_made"},
      {"/${path:1}2e./z", "/x(.*)..", "/x%20", "path_made"},
      {"/static/${path:1}", "/x/([^/]*)", "/x/..%2f..", "unread"},
      {"/static/${path:1}", "/x(.*)", "/x..%2fz", "path_made"},
      {"/${path:1}", "/x(.*)", "/x//y", "/y"},
  };
  for (const auto& row : rows) EXPECT_EQ(made(row.text, row.regex, row.path), row.said) << row.text << " " << row.path;
}

}  // namespace
}  // namespace cardea::l7::route
