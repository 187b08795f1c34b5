#include "mgmt/metrics/keep_served.h"

#include "base/log.h"
#include "mgmt/event_loop.h"
#include "mgmt/metrics/page.h"

namespace cardea::mgmt::metrics {
namespace {

struct Wish {
  EventLoop& loop;
  Page& page;
  Endpoint at;
  Warn warn;
  std::chrono::milliseconds again_after;
};

void serve(const Wish& wish, bool again) {
  const auto served = wish.page.serve(wish.at);
  if (!served && !again) log::error("{}", served.error().message);
  if (served && again) log::info("the metrics page is served at {} now", wish.at.text());
  wish.warn(served ? "" : served.error().message);
  if (served) return;
  wish.loop.post_after(wish.again_after, [wish] {
    if (wish.page.waits_for(wish.at)) serve(wish, true);
  });
}

}  // namespace

void keep_served(EventLoop& loop, Page& page, const Endpoint& at, const Warn& warn,
                 std::chrono::milliseconds again_after) {
  serve({loop, page, at, warn, again_after}, false);
}

}  // namespace cardea::mgmt::metrics
