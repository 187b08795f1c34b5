#include "mgmt/metrics/page.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/stats.h"
#include "mgmt/event_loop.h"
#include "mgmt/health/probe_socket.h"
#include "mgmt/metrics/own_families.h"
#include "mgmt/metrics/page_server.h"
#include "mgmt/metrics/process_families.h"
#include "mgmt/metrics/segment_families.h"
#include "mgmt/site.h"

namespace cardea::mgmt::metrics {

using prometheus::MetricFamily;

constexpr std::chrono::seconds kPatience{5};  // for the event loop; a reload of the largest site keeps it busy for less
constexpr std::chrono::milliseconds kKnockAgain{5};
class Everything {
 public:
  Everything(EventLoop& loop, Site& site) : loop_(loop), site_(site) {}

  // On the server's threads. A page without what cannot be had now is better than none.
  std::vector<MetricFamily> collect() const {
    const auto view = view_of_site();
    const Links links{{kDataplane.name, site_.dataplane().link()}, {kL7.name, site_.l7().link()}};
    auto families = of_processes(view, links);
    if (view)
      std::ranges::move(own_families(*view, site_.checker().status(), site_.checker().counters(), links),
                        std::back_inserter(families));
    std::ranges::move(process_families(), std::back_inserter(families));
    return families;
  }

 private:
  std::optional<View> view_of_site() const {
    auto asked = loop_.ask([this] { return site_.view(); });
    try {
      if (asked.wait_for(kPatience) == std::future_status::ready) return asked.get();
    } catch (const std::future_error&) {  // the loop has stopped
    }
    return std::nullopt;
  }

  // What a process that is gone counted last would look as if it stood still.
  std::vector<MetricFamily> of_processes(const std::optional<View>& view, const Links& links) const {
    std::vector<Source> sources;
    for (const Consumer* process : {&kDataplane, &kL7}) {
      if (!links.at(process->name).connected) continue;
      auto snapshot = stats::read(site_.stats_path(*process));
      if (!snapshot) {
        log::warning("the metrics page lacks the part of {}: {}", process->words, snapshot.error().message);
        continue;
      }
      sources.push_back({process->name, std::move(*snapshot), {}});
      if (!view || !view->in_force) continue;
      sources.back().cpus = process->cpus(*view->in_force.config);
      for (const auto& service : view->in_force.config->services)
        if (service.mode != conf::Mode::kL4) sources.back().flowless.insert(service.name);
    }
    return segment_families(sources);
  }

  EventLoop& loop_;
  Site& site_;
};

namespace {

// Why nobody can listen there. The library tells only that it could not.
std::string why_not(const Endpoint& at, const std::string& said) {
  const FileDescriptor socket(::socket(at.address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(at.port), .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6, v6.sin6_port = htons(at.port);
  std::memcpy(&v6.sin6_addr, at.address.bytes.data(), sizeof v6.sin6_addr);
  if (at.address.is_v4()) std::memcpy(&v4.sin_addr, at.address.v4_data(), sizeof v4.sin_addr);
  const auto* address = at.address.is_v4() ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  const socklen_t size = at.address.is_v4() ? sizeof v4 : sizeof v6;
  if (::bind(socket.get(), address, size) == 0 && ::listen(socket.get(), 1) == 0) return said;
  switch (errno) {
    case EADDRINUSE:
      return "another process listens there";
    case EADDRNOTAVAIL:
      return "this host does not have that address (yet)";
    default:
      return std::generic_category().message(errno);
  }
}

// The library's server looks only every two seconds whether it is to end, and whenever somebody connects.
void end(std::unique_ptr<PageServer> server, Endpoint at) {
  at.port = server->port();  // also when the kernel chose it
  const auto ended = std::async(std::launch::async, [&server] { server.reset(); });
  while (ended.wait_for(kKnockAgain) != std::future_status::ready) health::ProbeSocket().connect(at);
}

}  // namespace

Page::Page(EventLoop& loop, Site& site) : everything_(std::make_shared<Everything>(loop, site)) {}

Page::~Page() {
  close();
}

uint16_t Page::port() const {
  return server_->port();
}

// Closing waits for scrapes under way, and these wait for the event loop, on which this runs: so it happens elsewhere.
void Page::close() {
  if (!server_) return;
  std::erase_if(closing_, [](auto& one) { return one.wait_for(std::chrono::seconds(0)) == std::future_status::ready; });
  closing_.push_back(
      std::async(std::launch::async, [old = std::move(server_), at = at_]() mutable { end(std::move(old), at); }));
}

Result<> Page::serve(const Endpoint& at) {
  if (server_ && at == at_) return {};
  close();
  at_ = at;
  auto server = PageServer::listen(at, [everything = everything_] { return everything->collect(); });
  if (!server)
    return fail(fmt::format("the metrics page is not served at {}: {}; it is tried again every second, or change "
                            "mgmt.metrics and `cardea reload`",
                            at.text(), why_not(at, server.error().message)),
                Origin::kOperator);
  server_ = std::move(*server);
  return {};
}

}  // namespace cardea::mgmt::metrics
