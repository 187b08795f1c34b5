// The metrics page: prometheus-cpp's server at the address of the configuration, filled at each scrape.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

namespace prometheus {
class Exposer;
class Collectable;
}  // namespace prometheus

namespace cardea::mgmt {
class EventLoop;
class Site;
}  // namespace cardea::mgmt

namespace cardea::mgmt::metrics {

class Page {
 public:
  Page(EventLoop& loop, Site& site);
  ~Page();

  // Serves at this address from now on; nothing happens when it already does. After an Error (the address is taken,
  // say) nothing is served until the next call.
  Result<> serve(const Endpoint& at);

  bool waits_for(const Endpoint& at) const { return !exposer_ && at_ == at; }  // serve() failed there
  uint16_t port() const;  // where it is served; what the kernel chose when that was 0

 private:
  void close();

  std::shared_ptr<prometheus::Collectable> collectable_;
  std::unique_ptr<prometheus::Exposer> exposer_;
  Endpoint at_;
  std::vector<std::future<void>> closing_;
};

}  // namespace cardea::mgmt::metrics
