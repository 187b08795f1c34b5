// Which origins may ask, and what they are told.
#include "l7/policy/cors.h"

#include <gtest/gtest.h>

namespace cardea::l7::policy {
namespace {

Cors cors(std::vector<std::string> origins, bool credentials = false) {
  settings::CorsT from;
  from.origins = std::move(origins);
  from.credentials = credentials;
  return *Cors::read(from);
}

TEST(Cors, AnOriginIsTheWholeOfIt) {
  const Cors some = cors({"https://app.example", "https://*.shop.example", "http://localhost:3000"});
  for (const char* origin : {"https://app.example", "https://a.shop.example", "https://a.b.shop.example", "http://localhost:3000"})
    EXPECT_TRUE(some.allows(origin)) << origin;
  for (const char* origin : {"", "null", "http://app.example", "https://app.example:444", "https://app.example.evil.com",
                             "https://evil-app.example", "https://shop.example", "https://.shop.example",
                             "https://evil.com/.shop.example", "https://evil.com:1.shop.example",
                             "https://u@evil.com.shop.example", "http://localhost:30000", "https://evilshop.example",
                             "https://a#.shop.example", "https://a\\b.shop.example", "https://a?b.shop.example",
                             "https://a..b.shop.example", "https://a\xff.shop.example", "https://a\"b.shop.example"})
    EXPECT_FALSE(some.allows(origin)) << origin;
  EXPECT_TRUE(cors({"*"}).allows("https://anything"));
  EXPECT_FALSE(cors({"*"}).allows("")) << "no page asks";
}

TEST(Cors, LinesSayWhatThePlanSays) {
  settings::CorsT from;
  from.origins = {"https://a"}, from.methods = {"PUT"}, from.headers = {"X-A", "X-B"}, from.expose = {"X-C"};
  from.credentials = true, from.max_age_ms = 60'000;
  const Cors made = *Cors::read(from);
  EXPECT_EQ(made.of_responses(), "Access-Control-Allow-Credentials: true\r\nAccess-Control-Expose-Headers: X-C\r\n");
  EXPECT_EQ(made.of_preflights(),
            "Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Methods: GET, HEAD, POST, PUT\r\n"
            "Access-Control-Allow-Headers: X-A, X-B\r\nAccess-Control-Max-Age: 60\r\n");
  from.origins = {"*"};
  EXPECT_FALSE(Cors::read(from)) << "with credentials";
}

}  // namespace
}  // namespace cardea::l7::policy
