// Users and their passwords: files as htpasswd and mkpasswd write them, what a client sends, and remembered verdicts.
#include "l7/policy/users.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cardea::l7::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string hashed(const char* password, const char* kind, unsigned long cost = 0) {
  char room[CRYPT_GENSALT_OUTPUT_SIZE];
  const std::string salt = crypt_gensalt_rn(kind, cost, nullptr, 0, room, sizeof room);
  static crypt_data data;
  return crypt_r(password, salt.c_str(), &data);
}

TEST(Users, EveryKindThatIsSafeIsVerified) {
  for (const auto& [kind, cost] : {std::pair<const char*, unsigned long>{"$2b$", 4}, {"$2y$", 4}, {"$y$", 1}, {"$6$", 1000},
                                   {"$5$", 1000}, {"$7$", 6}, {"$gy$", 1}}) {
    const std::string hash = hashed("secret", kind, cost);
    const auto users = Users::read("ann:" + hash + "\n");
    ASSERT_TRUE(users) << kind;
    EXPECT_TRUE(users->hash_of("ann").known);
    EXPECT_TRUE(password_fits("secret", users->hash_of("ann").text)) << kind;
    EXPECT_FALSE(password_fits("Secret", users->hash_of("ann").text)) << kind;
    EXPECT_FALSE(password_fits("", users->hash_of("ann").text)) << kind;
  }
}

TEST(Users, OthersAreRefusedWithoutTellingThem) {
  const std::string good = "ann:" + hashed("x", "$2b$", 4) + "\n";
  for (const char* line : {"bob:$apr1$salt$hash", "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "bob:plain", "bob:rl0uE3Vk4Fh5k",
                           "bob:$1$abc$VAnZV5aTw7N1bQ3XbUJzU1", "bob:*", "bob:", "bob", ":x", "bob:$2b$broken"}) {
    const auto users = Users::read(good + line + "\n");
    ASSERT_FALSE(users) << line;
    EXPECT_THAT(users.error().message, HasSubstr("line 2"));
    EXPECT_THAT(users.error().message, Not(HasSubstr("apr1")));
  }
  EXPECT_THAT(Users::read(good + good).error().message, HasSubstr("\"ann\" is there twice"));
  EXPECT_FALSE(Users::read("# nobody\n\n"));
}

TEST(Users, WhoIsNotThereTakesAsLong) {
  const auto users = Users::read("# staff\r\nann:" + hashed("x", "$2b$", 4) + ":further:fields\r\n");
  ASSERT_TRUE(users);
  EXPECT_FALSE(users->hash_of("eve").known);
  EXPECT_EQ(users->hash_of("eve").text, users->hash_of("ann").text);
}

TEST(Users, HowLongWhoIsNotThereTakesSaysNothingWhereHashesDiffer) {
  const auto users = Users::read("ann:" + hashed("x", "$2b$", 4) + "\nbob:" + hashed("x", "$2b$", 5) + "\n");
  ASSERT_TRUE(users);
  std::set<std::string> taken;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "nobody" + std::to_string(i);
    const std::string first = users->hash_of(name).text;
    EXPECT_FALSE(users->hash_of(name).known);
    EXPECT_EQ(users->hash_of(name).text, first);
    taken.insert(first);
  }
  EXPECT_EQ(taken.size(), 2u);
}

TEST(Credentials, AreReadAsRfc7617HasThem) {
  char room[256];
  const auto read = [&room](std::string_view value) {
    const auto found = read_credentials(value, room);
    return found ? std::string(found->name) + "|" + std::string(found->password) : "none";
  };
  EXPECT_EQ(read("Basic YW5uOnNlY3JldA=="), "ann|secret");
  EXPECT_EQ(read("bAsIc   YW5uOnNlY3JldA=="), "ann|secret");
  EXPECT_EQ(read("Basic YW5uOmE6Yg=="), "ann|a:b") << "a password may have colons";
  EXPECT_EQ(read("Basic OnNlY3JldA=="), "|secret");
  EXPECT_EQ(read("Basic YW5u"), "none") << "no colon";
  EXPECT_EQ(read("Basic YW5uAGE6Yg=="), "none") << "a NUL would end it for others";
  for (const char* value : {"", "Basic", "Basic ", "Bearer YW5uOnNlY3JldA==", "Basic YW5uOnNlY3JldA", "Basic !!!!", "Basic ===="})
    EXPECT_EQ(read(value), "none") << value;
  EXPECT_EQ(read("Basic " + std::string(1000, 'A')), "none") << "more than there is room for";
}

TEST(Verdicts, AreThoseOfThatPasswordAndThatHash) {
  Verdicts verdicts;
  EXPECT_FALSE(verdicts.find({"ann", "secret"}, "h1"));
  verdicts.keep({"ann", "secret"}, "h1", true);
  verdicts.keep({"ann", "wrong"}, "h1", false);
  EXPECT_EQ(verdicts.find({"ann", "secret"}, "h1"), true);
  EXPECT_EQ(verdicts.find({"ann", "wrong"}, "h1"), false);
  EXPECT_FALSE(verdicts.find({"ann", "secret"}, "h2"));
  EXPECT_FALSE(verdicts.find({"an", "nsecret"}, "h1"));
  EXPECT_FALSE(verdicts.find({"bob", "secret"}, "h1"));
}

}  // namespace
}  // namespace cardea::l7::policy
