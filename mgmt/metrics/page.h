// The metrics page at the address of the configuration, filled at each scrape.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

namespace cardea::mgmt {
class EventLoop;
class Site;
}  // namespace cardea::mgmt

namespace cardea::mgmt::metrics {

class Everything;
class PageServer;

class Page {
 public:
  Page(EventLoop& loop, Site& site);
  ~Page();

  // Serves at this address from now on; nothing happens when it already does. After an Error (the address is taken,
  // say) nothing is served until the next call.
  Result<> serve(const Endpoint& at);

  bool waits_for(const Endpoint& at) const { return !server_ && at_ == at; }  // serve() failed there
  uint16_t port() const;  // where it is served; what the kernel chose when that was 0

 private:
  void close();

  std::shared_ptr<const Everything> everything_;
  std::unique_ptr<PageServer> server_;
  Endpoint at_;
  std::vector<std::future<void>> closing_;
};

}  // namespace cardea::mgmt::metrics
