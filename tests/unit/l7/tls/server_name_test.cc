// The server_name extension: what is a name, and what is none.
#include "l7/tls/server_name.h"

#include <gtest/gtest.h>

#include <string>

namespace cardea::l7::tls {
namespace {

std::string with_length(const std::string& text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())} + text;
}

std::string extension(const std::string& name, char kind = 0) {
  return with_length(kind + with_length(name));
}

TEST(ServerName, AHostNameIsFound) {
  EXPECT_EQ(host_name_of(extension("shop.example")), "shop.example");
  EXPECT_EQ(host_name_of(extension("x")), "x");
  EXPECT_EQ(host_name_of(extension(std::string(255, 'x'))).size(), 255u);
}

TEST(ServerName, WhatIsNoNameIsNone) {
  const std::string fine = extension("shop.example");
  for (size_t length = 0; length < fine.size(); length++) EXPECT_EQ(host_name_of(fine.substr(0, length)), "") << length;
  EXPECT_EQ(host_name_of(fine + "x"), "") << "bytes behind the list";
  EXPECT_EQ(host_name_of(with_length(fine.substr(2) + "x")), "") << "bytes behind the name";
  EXPECT_EQ(host_name_of(extension("shop.example", 1)), "") << "another kind of name";
  EXPECT_EQ(host_name_of(extension("")), "");
  EXPECT_EQ(host_name_of(extension(std::string("a\0b", 3))), "");
  EXPECT_EQ(host_name_of(extension(std::string(256, 'x'))), "");
}

}  // namespace
}  // namespace cardea::l7::tls
