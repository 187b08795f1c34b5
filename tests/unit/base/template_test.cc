// Texts with variables, and headers whose values they are: what is read of them and what is refused.
#include "base/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/header_line.h"

namespace cardea {
namespace {

using testing::HasSubstr;

std::vector<Template::Piece> pieces(std::string_view text, Moment moment = Moment::kRequest) {
  const auto made = Template::parse(text, moment);
  EXPECT_TRUE(made) << text;
  return made ? made->pieces() : std::vector<Template::Piece>{};
}

TEST(Template, IsTextAndVariablesInTurn) {
  EXPECT_EQ(pieces("ip=${client_address};${host}"),
            (std::vector<Template::Piece>{{"ip=", {VariableId::kClientAddress, ""}}, {";", {VariableId::kHost, ""}}}));
  EXPECT_EQ(pieces("${header:User-Agent}${cookie:a.b}${query:q}!"),
            (std::vector<Template::Piece>{{"", {VariableId::kHeader, "User-Agent"}},
                                          {"", {VariableId::kCookie, "a.b"}},
                                          {"", {VariableId::kQueryParameter, "q"}},
                                          {"!", {}}}));
  EXPECT_EQ(pieces("${path:1}${path:shop}"), (std::vector<Template::Piece>{{"", {VariableId::kPathGroup, "1"}}, {"", {VariableId::kPathGroup, "shop"}}}));
  EXPECT_EQ(pieces(""), (std::vector<Template::Piece>{{"", {}}}));
}

TEST(Template, ADollarIsItself) {
  EXPECT_EQ(pieces("$5 $host $${host} $$${x"), (std::vector<Template::Piece>{{"$5 $host ${host} $${x", {}}}));
  EXPECT_TRUE(Template::parse("$${host}", Moment::kRequest)->is_fixed());
  EXPECT_FALSE(Template::parse("${host}", Moment::kRequest)->is_fixed());
}

TEST(Template, WhatIsNoVariableIsRefused) {
  const std::pair<const char*, const char*> cases[] = {{"${client", "does not close"},
                                                       {"${}", "no variable is called ${}"},
                                                       {"${cient_address}", "no variable is called ${cient_address}"},
                                                       {"${header:}", "names nothing"},
                                                       {"${header:X Y}", "names nothing"},
                                                       {"${backend}", "is not known yet"}};
  for (const auto& [text, said] : cases) {
    const auto made = Template::parse(text, Moment::kRequest);
    ASSERT_FALSE(made) << text;
    EXPECT_THAT(made.error().message, HasSubstr(said));
  }
  EXPECT_TRUE(Template::parse("${backend}", Moment::kResponse));
}

TEST(HeaderLine, IsANameAndAText) {
  const auto line = read_header_line("X-Env:  prod; ${host} ", Moment::kRequest);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->name, "X-Env");
  EXPECT_EQ(line->value, *Template::parse("prod; ${host}", Moment::kRequest));
}

TEST(HeaderLine, NothingEndsALineOrAMessage) {
  for (const char* line : {"X-Env prod", ": x", "X Env: x", "X-Env: a\r\nX: y", "X-Env: a\x01", "Content-Length: 5",
                           "transfer-encoding: chunked", "Host: a", "Connection: close", "X-Env: a\tb", "X-Env: \x7f"})
    EXPECT_FALSE(read_header_line(line, Moment::kRequest)) << line;
  EXPECT_TRUE(check_header_name("Via"));
  EXPECT_FALSE(check_header_name("Keep-Alive"));
}

}  // namespace
}  // namespace cardea
