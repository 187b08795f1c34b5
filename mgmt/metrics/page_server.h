// GET /metrics over HTTP: what is collected at that moment as Prometheus' text, in gzip where the client takes it. The
// server is civetweb, with a thread for each of 128 clients; nothing of its own is on the page.
#pragma once

#include <prometheus/metric_family.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/ip.h"

struct mg_connection;
struct mg_context;

namespace cardea::mgmt::metrics {

class PageServer {
 public:
  using Collect = std::function<std::vector<prometheus::MetricFamily>()>;  // on the server's threads

  // An Error says nothing about why: the library has no word for it.
  static Result<std::unique_ptr<PageServer>> listen(const Endpoint& at, Collect collect);
  explicit PageServer(Collect collect) : collect_(std::move(collect)) {}
  PageServer(const PageServer&) = delete;
  ~PageServer();  // waits for answers under way

  uint16_t port() const;

 private:
  static int answer(mg_connection* client, void* server);

  Collect collect_;
  mg_context* context_ = nullptr;
};

}  // namespace cardea::mgmt::metrics
