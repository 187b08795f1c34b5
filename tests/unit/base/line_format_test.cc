// Forms of the access log's lines: what is read of one, and what is wrong with one.
#include "base/line_format.h"

#include <gtest/gtest.h>

#include <set>

namespace cardea {
namespace {

TEST(LineFormat, FieldsStandBetweenTexts) {
  const auto format = parse_line_format("a ${client} $5 $${ \"${status}\"\\");
  ASSERT_TRUE(format);
  EXPECT_FALSE(format->json);
  ASSERT_EQ(format->pieces.size(), 2u);
  EXPECT_EQ(format->pieces[0].before, "a ");
  EXPECT_EQ(format->pieces[0].field, ExchangeField::kClient);
  EXPECT_EQ(format->pieces[1].before, " $5 ${ \"");
  EXPECT_EQ(format->pieces[1].field, ExchangeField::kStatus);
  EXPECT_EQ(format->after, "\"\\");
}

TEST(LineFormat, TheNamedOnesAreRead) {
  for (const std::string& name : format_names()) EXPECT_TRUE(parse_line_format(name)) << name;
  EXPECT_TRUE(parse_line_format("json")->json);
}

TEST(LineFormat, JsonHasEveryFieldOnceThatIsOfJson) {
  const auto format = parse_line_format("json");
  std::set<ExchangeField> fields;
  for (const auto& piece : format->pieces) EXPECT_TRUE(fields.insert(piece.field).second);
  for (const ExchangeFieldRow& row : exchange_fields()) EXPECT_EQ(fields.contains(row.field), row.in_json) << row.name;
}

TEST(LineFormat, WhatIsWrongIsSaidWithItsPlace) {
  struct Case {
    std::string text;
    size_t at;
    const char* message;
    const char* word;
  };
  const Case cases[] = {{"a ${stauts}", 2, "there is no field \"stauts\"", "stauts"},
                        {"${status", 0, "does not close", ""},
                        {"${status} ${", 10, "does not close", ""},
                        {"${}", 0, "there is no field \"\"", ""},
                        {"common", 0, "no field stands in it", "common"},
                        {"%h %l", 0, "no field stands in it", "%h %l"},
                        {"", 0, "no field stands in it", ""},
                        {"${status}\n", 9, "printable ASCII", ""},
                        {"${status}\x1b[2J", 9, "printable ASCII", ""},
                        {std::string(3000, 'x') + "${status}", 0, "too long", ""}};
  for (const Case& c : cases) {
    const auto read = parse_line_format(c.text);
    ASSERT_FALSE(read) << c.text;
    EXPECT_EQ(read.error().at, c.at) << c.text;
    EXPECT_NE(read.error().message.find(c.message), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().word, c.word);
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "${status}";
  EXPECT_FALSE(parse_line_format(many));
}

}  // namespace
}  // namespace cardea
