#include "l7/files/media_types.h"

#include <gtest/gtest.h>

namespace cardea::l7::files {
namespace {

TEST(MediaTypes, AreReadAsTheSystemsListIsWritten) {
  const MediaTypes types = MediaTypes::parse(
      "# comment\ntext/html\t\thtml htm\ntext/css css # more\r\n\nimage/png\nno type here\nx/y; z  bad\n"
      "application/javascript js mjs\ntext/other html");
  EXPECT_EQ(types.of("a/index.html"), "text/html") << "the first that names it";
  EXPECT_EQ(types.of("INDEX.HTM"), "text/html");
  EXPECT_EQ(types.of("style.css"), "text/css");
  EXPECT_EQ(types.of("app.min.js"), "application/javascript");
  for (const char* name : {"a", "a.", "html", "a.here", "a.bad", "a.#", "a.averylongextension"})
    EXPECT_EQ(types.of(name), "application/octet-stream") << name;
}

TEST(MediaTypes, TheSystemsListKnowsWhatSitesAreMadeOf) {
  const auto types = MediaTypes::read(kSystemsMediaTypes);
  ASSERT_TRUE(types) << types.error().message;
  EXPECT_EQ((*types)->of("a.html"), "text/html");
  EXPECT_EQ((*types)->of("a.svg"), "image/svg+xml");
  EXPECT_EQ((*types)->of("a.woff2"), "font/woff2");
}

TEST(MediaTypes, AListThatIsNotThereIsSaid) {
  const auto types = MediaTypes::read("/nowhere/mime.types");
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().message,
            "cannot read the list of media types /nowhere/mime.types: install the package media-types");
}

}  // namespace
}  // namespace cardea::l7::files
