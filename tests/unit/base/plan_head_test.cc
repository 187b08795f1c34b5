#include "base/plan_head.h"

#include <flatbuffers/flatbuffers.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace cardea::control {
namespace {

using testing::HasSubstr;

constexpr PlanReader kReader{"cardea-l7", "0.10.0", 0xabcdef01};

// An image of another schema than any of ours: a number, perhaps a version, and fields that no reader here knows.
std::string image(uint32_t schema, std::optional<std::string> made_by, const char* identifier = "CL7P") {
  flatbuffers::FlatBufferBuilder builder;
  const auto text = made_by ? builder.CreateString(*made_by) : flatbuffers::Offset<flatbuffers::String>();
  const auto start = builder.StartTable();
  builder.AddElement<uint32_t>(4, schema, 0);
  if (made_by) builder.AddOffset(6, text);
  builder.AddElement<uint64_t>(10, 77, 0);
  builder.Finish(flatbuffers::Offset<void>(builder.EndTable(start)), identifier);
  return {reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()};
}

std::string refused(const std::string& bytes) {
  const auto checked = check_plan_head(std::as_bytes(std::span(bytes)), "CL7P", kReader);
  return checked ? "" : checked.error().message;
}

TEST(PlanHead, OfTheReadersOwnSchemaIsFineWhoeverMadeIt) {
  EXPECT_EQ(refused(image(0xabcdef01, "0.10.0")), "");
  EXPECT_EQ(refused(image(0xabcdef01, "0.9.0")), "");
  EXPECT_EQ(refused(image(0xabcdef01, std::nullopt)), "");
}

TEST(PlanHead, OfAnotherSchemaSaysWhoIsOlderAndWhatToDo) {
  EXPECT_EQ(refused(image(0x1234, "0.9.7")),
            "the plan was made by an older cardea-mgmt, 0.9.7: it is of schema 00001234, this cardea-l7 0.10.0 reads "
            "abcdef01; install the same version of all packages and restart cardea-mgmt");
  EXPECT_EQ(refused(image(0x1234, "0.10.1")),
            "the plan was made by a newer cardea-mgmt, 0.10.1: it is of schema 00001234, this cardea-l7 0.10.0 reads "
            "abcdef01; install the same version of all packages and restart cardea-l7");
  EXPECT_EQ(
      refused(image(0x1234, "0.10.0")),
      "the plan was made by a cardea-mgmt 0.10.0 of another build: it is of schema 00001234, this cardea-l7 0.10.0 "
      "reads abcdef01; install the same version of all packages, from one build, and restart them");
}

TEST(PlanHead, IsForAnotherBuildWhenItsVersionIsKnownAndItsSchemaIsAnother) {
  const auto for_another = [](const std::string& bytes) {
    return is_for_another_build(std::as_bytes(std::span(bytes)), "CL7P", kReader);
  };
  for (const char* version : {"0.9.7", "0.10.0", "0.10.1"}) {
    EXPECT_TRUE(for_another(image(0x1234, version)));
    EXPECT_FALSE(for_another(image(kReader.schema, version)));
  }
  EXPECT_FALSE(for_another(image(0x1234, std::nullopt)));
  EXPECT_FALSE(for_another("no plan at all, but long enough"));
}

TEST(PlanHead, WithoutAVersionIsFromBeforeThereWasOne) {
  for (const auto& made_by :
       {std::optional<std::string>(), std::optional<std::string>("?"), std::optional<std::string>(""),
        std::optional<std::string>("1."), std::optional<std::string>("1.x")})
    EXPECT_THAT(refused(image(3, made_by)), HasSubstr("an older cardea-mgmt: it is of schema 00000003"));
}

TEST(PlanHead, AnotherSchemasFieldInTheVersionsPlaceIsNotRead) {
  flatbuffers::FlatBufferBuilder builder;
  const auto start = builder.StartTable();
  builder.AddElement<uint32_t>(4, 2, 0);
  builder.AddElement<uint64_t>(6, 0xffff'ffff'ffff'fff0, 0);
  builder.Finish(flatbuffers::Offset<void>(builder.EndTable(start)), "CL7P");
  EXPECT_THAT(refused({reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()}),
              HasSubstr("an older cardea-mgmt: it is of schema 00000002"));
}

TEST(PlanHead, WhatIsNoPlanIsNamedAsSuch) {
  EXPECT_THAT(refused(""), HasSubstr("its identifier is not CL7P"));
  EXPECT_THAT(refused(image(1, "0.1.0", "CDPL")), HasSubstr("its identifier is not CL7P"));
  const std::string whole = image(0x1234, "0.9.7");
  for (size_t length = 0; length < whole.size(); ++length) EXPECT_NE(refused(whole.substr(0, length)), "") << length;
}

}  // namespace
}  // namespace cardea::control
