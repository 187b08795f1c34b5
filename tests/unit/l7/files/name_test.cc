#include "l7/files/name.h"

#include <gtest/gtest.h>

#include <string>

namespace cardea::l7::files {
namespace {

std::string name(std::string_view front, std::string_view rest = "") {
  std::string room(front.size() + rest.size() + 1, 'x');
  const auto found = name_of(front, rest, room);
  if (!found) return "(none)";
  EXPECT_EQ(room[found->size()], '\0') << "the kernel reads it";
  return std::string(*found);
}

TEST(FileName, IsThePathDecodedAndBelowTheRoot) {
  EXPECT_EQ(name("/"), "");
  EXPECT_EQ(name("/a/b.css"), "a/b.css");
  EXPECT_EQ(name("/a/"), "a/");
  EXPECT_EQ(name("//a///b//"), "a/b/");
  EXPECT_EQ(name("/a%20b/%C3%A4%7e"), "a b/\xC3\xA4~");
  EXPECT_EQ(name("/new", "/a%2C"), "new/a,");
  EXPECT_EQ(name("", "/a"), "a");
}

TEST(FileName, WhatCouldLeadAstrayIsNone) {
  for (const char* path : {"/a%2Fb", "/a%2fb", "/a%00", "/a%", "/a%4", "/a%zz", "/.git/config", "/a/.htpasswd", "/.",
                           "/..", "/a/../b", "/%2e%2e/etc", "/a/%2E", "/.well-known-not", "/a/.well-known/x"})
    EXPECT_EQ(name(path), "(none)") << path;
}

TEST(FileName, WhatBeginsWithADotIsHiddenButForTheWellKnown) {
  EXPECT_EQ(name("/.well-known/acme-challenge/x"), ".well-known/acme-challenge/x");
  EXPECT_EQ(name("/.well-known"), ".well-known");
  EXPECT_EQ(name("/a.b/c.d"), "a.b/c.d");
}

TEST(FileName, ItsExtensionIsBehindTheLastDotOfItsLastPart) {
  EXPECT_EQ(extension("a/b.tar.gz"), "gz");
  EXPECT_EQ(extension("a.b/c"), "");
  EXPECT_EQ(extension("c."), "");
  EXPECT_EQ(extension(".profile"), "");
}

}  // namespace
}  // namespace cardea::l7::files
