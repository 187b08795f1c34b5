// The server of the metrics page on a real socket: that it ends when it is told to.
#include "mgmt/metrics/page.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "mgmt/event_loop.h"
#include "mgmt/site.h"

namespace cardea::mgmt::metrics {
namespace {

TEST(Page, EndsAtOnceThoughTheLibraryLooksEveryTwoSecondsOnly) {
  std::string pattern = std::filesystem::temp_directory_path() / "cardea-page-XXXXXX";
  const std::string folder = ::mkdtemp(pattern.data());
  {
    EventLoop loop;
    Site site(loop, Folders{folder + "/cardea.cfg", folder, folder}, [](const conf::Config&) {});
    for (int i = 0; i < 3; ++i) {  // the library could be about to look by chance
      auto page = std::make_unique<Page>(loop, site);
      ASSERT_TRUE(page->serve(Endpoint{IpAddress::v4(0x7f000001), 0}).has_value());
      const auto begin = std::chrono::steady_clock::now();
      page.reset();
      EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace cardea::mgmt::metrics
