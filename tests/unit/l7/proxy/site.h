// A whole shard in a test's hands: real sockets over loopback, a clock that stands still until the test moves it, the
// access log in a FIFO. The test itself is the clients and the backends (peer.h), in the shard's own thread.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/stats.h"
#include "l7/plan/load.h"
#include "l7/proxy/shard.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/l7/plan/images.h"
#include "tests/unit/l7/proxy/peer.h"
#include "tests/unit/l7/runtime/loopback_port.h"

namespace cardea::l7::proxy::test {

using l7::test::route;

// A backend's listening socket.
class Origin {
 public:
  explicit Origin(Loop& loop);
  uint16_t port() const { return port_.number(); }
  std::string name() const { return port_.endpoint().text(); }
  Peer accept();  // the next connection of the proxy's, waited for
  bool has_caller() const;
  bool nobody_called();  // even after everything happened that is going to
  void refuse() { socket_.close(); }
  void listen();  // again

 private:
  Loop& loop_;
  LoopbackPort port_;
  FileDescriptor socket_;
};

// Services "shop" (http: "/" to pool "web", "/cached/" the same with cache "edge"), "raw" (tcp to "web"); the pool's
// backends are `origins`, in turn; retries 2.
class Site {
 public:
  using Change = std::function<void(image::PlanT&)>;
  explicit Site(const Change& change = {}, size_t origin_count = 1);
  ~Site();

  Loop& loop() { return shard->loop(); }
  Peer client(const char* service = "shop");
  Endpoint at(const char* service) { return ports_.at(service).endpoint(); }
  size_t called();                   // the origin that the proxy connects to next, waited for
  void adopt(const Change& change);  // a reload
  std::optional<Endpoint> shop_also;  // where "shop" listens beside its port of loopback, from the next adopt() on
  void update_pools(const Change& change);
  void advance(std::chrono::milliseconds by) { loop().advance(by); }
  nlohmann::json log_line();  // the next one, waited for
  // Sum of the samples whose labels contain `labels`; histograms count.
  uint64_t value(std::string_view name, std::string_view labels = "") const;
  size_t buffers_lent() { return shard->buffers().lent(); }

  ScratchFolder folder;
  std::unique_ptr<Shard> shard;
  std::vector<std::unique_ptr<Origin>> origins;
  Origin& origin() { return *origins[0]; }
  std::shared_ptr<const LivePlan> plan;

 private:
  image::PlanT image(const Change& change) const;
  void take_over(std::shared_ptr<const LivePlan> next);

  std::string stats_path_;
  stats::Segment segment_;
  PlanResources resources_;
  FileDescriptor log_;
  std::string log_text_;
  std::map<std::string, LoopbackPort, std::less<>> ports_;  // by service
  uint64_t generation_ = 1;
};

inline std::string get(std::string_view path, std::string_view fields = "", std::string_view method = "GET") {
  std::string text(method);
  text.append(" ").append(path).append(" HTTP/1.1\r\nHost: shop.example\r\n").append(fields).append("\r\n");
  return text;
}
inline std::string post(std::string_view path, std::string_view body, std::string_view fields = "") {
  return get(path, std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n", "POST")
      .append(body);
}
// A backend's answer with a Content-Length.
inline std::string ok(std::string_view body, std::string_view fields = "", std::string_view status = "200 OK") {
  std::string text("HTTP/1.1 ");
  text.append(status).append("\r\n").append(fields).append("Content-Length: ");
  return text.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

}  // namespace cardea::l7::proxy::test
