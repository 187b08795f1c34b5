// What cardea-l7 and cardea-waf say to each other comes out as it went in, and nothing that is not whole is believed.
#include "l7/waf/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "l7/waf/presets.h"

namespace cardea::l7::waf {
namespace {

using testing::ElementsAre;

const Terms kTerms{.rules = 0x1234567890abcdef,
                   .time_max_ms = 250,
                   .arguments_max = 7,
                   .value_max = 8192,
                   .part = true,
                   .variables = {{"paranoia_level", "2"}, {"empty", ""}},
                   .removed = {{942100, 942100}, {941000, 941999}}};

Question question() {
  return {.client = "192.0.2.1", .server = "2001:db8::1", .client_port = 50123, .server_port = 443, .method = "POST",
          .uri = "/a?b=c", .version = "2.0", .headers = {{"Host", "shop.example"}, {"X-Empty", ""}}, .body = {}};
}

// As it travels, with a body.
std::string written(const Question& q, std::string_view body) {
  const std::string terms = write(kTerms);
  std::string text(size_of(q, terms), '\0');
  EXPECT_EQ(write(text, q, terms, body.size()).size(), text.size()) << "the room that it asks for is what it takes";
  return text.append(body);
}

TEST(WafMessage, AQuestionIsReadAsItWasWritten) {
  const Question q = question();
  const std::string text = written(q, std::string("a\0b", 3));
  const auto head = read_head(text, kQuestionMax);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->size, text.size() - kHeadBytes);
  const auto read = read_question(std::string_view(text).substr(kHeadBytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->terms.rules, kTerms.rules);
  EXPECT_EQ(read->terms.time_max_ms, 250u);
  EXPECT_TRUE(read->terms.part);
  EXPECT_EQ(read->terms.removed[1].last, 941999u);
  EXPECT_EQ(read->terms.variables[0].value, "2");
  EXPECT_EQ(read->client, q.client);
  EXPECT_EQ(read->server_port, 443);
  EXPECT_EQ(read->uri, q.uri);
  EXPECT_EQ(read->headers[0].value, "shop.example");
  EXPECT_EQ(read->body, std::string_view("a\0b", 3));
}

TEST(WafMessage, OneThatIsCutShortIsNone) {
  const std::string text = written(question(), "");
  for (size_t size = 0; size + 1 < text.size() - kHeadBytes; ++size)
    EXPECT_FALSE(read_question(std::string_view(text).substr(kHeadBytes, size))) << size;
}

TEST(WafMessage, HeadsOfOthersAreRefused) {
  const std::string good = begun();
  ASSERT_TRUE(read_head(good, 0));
  const std::function<void(Head&)> spoilers[] = {[](Head& head) { head.magic ^= 1; }, [](Head& head) { ++head.version; },
                                                 [](Head& head) { head.size = 1; }};
  for (const auto& spoil : spoilers) {
    Head head{.kind = Kind::kBegun};
    spoil(head);
    EXPECT_FALSE(read_head({reinterpret_cast<const char*>(&head), sizeof head}, 0));
  }
}

TEST(WafMessage, AVerdictNamesTheFirstRulesAndCountsAll) {
  Verdict verdict{.outcome = Outcome::kMatch, .score = 15, .micros = 812, .rules_count = 40};
  for (uint32_t i = 0; i < Verdict::kRulesMax; ++i) verdict.rules[i] = 941100 + i;
  const std::string text = write(verdict);
  const auto read = read_verdict(std::string_view(text).substr(kHeadBytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->outcome, Outcome::kMatch);
  EXPECT_EQ(read->score, 15);
  EXPECT_EQ(read->rules_count, 40u);
  EXPECT_EQ(read->ids().back(), 941100 + Verdict::kRulesMax - 1);
  EXPECT_LE(text.size(), kAnswerMax);
}

TEST(WafMessage, VerdictsThatDoNotAddUpAreRefused) {
  const std::string text = write(Verdict{.outcome = Outcome::kMatch, .rules_count = 2, .rules = {1, 2}}).substr(kHeadBytes);
  EXPECT_TRUE(read_verdict(text));
  EXPECT_FALSE(read_verdict(text + "x"));
  EXPECT_FALSE(read_verdict(std::string_view(text).substr(0, text.size() - 1)));
  std::string unknown = text;
  unknown[0] = 17;
  EXPECT_FALSE(read_verdict(unknown));
  std::string fewer = text;
  fewer[7] = 1;  // matched one rule, and names two
  EXPECT_FALSE(read_verdict(fewer));
}

TEST(WafMessage, ListsOfFilesHaveNumbersByTheirNamesAndOrder) {
  const std::vector<std::string> lists[] = {core_rules(), {"/a", "/b"}, {"/b", "/a"}, {"/a/b"}, {"/a", "b"}, {}};
  std::vector<uint64_t> ids;
  for (const auto& files : lists) ids.push_back(rules_id(files));
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

}  // namespace
}  // namespace cardea::l7::waf
