#include "mgmt/api/server.h"

#include <fmt/format.h>
#include <grp.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>

#include "base/log.h"

namespace cardea::mgmt::api {
namespace {

constexpr size_t kBodyMax = 64 << 10;
constexpr size_t kThreads = 4;                       // requests at once; a reload holds one for as long as it takes
constexpr std::chrono::milliseconds kReadyPause{1};  // the library offers nothing to wait for
constexpr const char* kJson = "application/json";

Parameter parameters_of(const httplib::Request& request) {
  return [&request](const char* name) -> std::optional<std::string> {
    if (!request.has_param(name)) return std::nullopt;
    return request.get_param_value(name);
  };
}

void put(httplib::Response& response, Answer answer) {
  response.status = answer.status;
  response.set_content(std::move(answer.body), kJson);
}

void add_routes(httplib::Server& server, Routes& routes) {
  using Request = httplib::Request;
  using Response = httplib::Response;
  server.Get("/v1/status", [&](const Request&, Response& out) { put(out, routes.status()); });
  server.Get("/v1/services", [&](const Request&, Response& out) { put(out, routes.services()); });
  server.Get("/v1/routes", [&](const Request& in, Response& out) { put(out, routes.routes(parameters_of(in))); });
  server.Get("/v1/certs", [&](const Request&, Response& out) { put(out, routes.certs()); });
  server.Get("/v1/cache", [&](const Request&, Response& out) { put(out, routes.cache()); });
  server.Get("/v1/pools", [&](const Request&, Response& out) { put(out, routes.pools()); });
  server.Get("/v1/backends", [&](const Request& in, Response& out) { put(out, routes.backends(parameters_of(in))); });
  server.Get("/v1/flows", [&](const Request& in, Response& out) { put(out, routes.flows(parameters_of(in))); });
  server.Get("/v1/explain", [&](const Request& in, Response& out) { put(out, routes.explain(parameters_of(in))); });
  server.Get("/v1/version", [&](const Request&, Response& out) { put(out, routes.version()); });
  server.Post("/v1/reload", [&](const Request&, Response& out) { put(out, routes.reload()); });
  server.Post("/v1/purge", [&](const Request& in, Response& out) { put(out, routes.purge(in.body)); });
  server.Post(R"(/v1/backends/([^/]+)/([^/]+))", [&](const Request& in, Response& out) {
    put(out, routes.set_backend(in.matches[1], in.matches[2], in.body));
  });
}

// The library's exceptions end here. A broken promise means that the event loop has stopped.
void on_exception(const httplib::Request&, httplib::Response& response, std::exception_ptr problem) {
  try {
    std::rethrow_exception(problem);
  } catch (const std::future_error&) {
    put(response, error(503, "cardea-mgmt is being stopped"));
  } catch (const std::exception& other) {
    put(response, error(500, fmt::format("this is a mistake in cardea-mgmt: {}", other.what())));
  }
}

void on_error(const httplib::Request& request, httplib::Response& response) {
  if (!response.body.empty()) return;
  if (response.status == 404) {
    put(response,
        error(404, fmt::format("there is no {} {}", request.method, request.path),
              "GET /v1/status, services, routes, pools, backends, flows, certs, cache, explain, version; POST "
              "/v1/reload, /v1/purge, /v1/backends/POOL/ADDRESS"));
  } else {
    put(response, error(response.status, fmt::format("the request was not understood (HTTP {})", response.status)));
  }
}

// The library reads the body of a POST without a length until the client closes, which a client that waits never does.
httplib::Server::HandlerResponse without_body(Routes& routes, const httplib::Request& request,
                                              httplib::Response& response) {
  const bool has_body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  if (request.method != "POST" || has_body) return httplib::Server::HandlerResponse::Unhandled;
  put(response, request.path == "/v1/reload" ? routes.reload() : error(400, "the request has no body"));
  return httplib::Server::HandlerResponse::Handled;
}

void set_up(httplib::Server& server, Routes& routes) {
  server.set_address_family(AF_UNIX);
  server.set_payload_max_length(kBodyMax);
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // the library deletes it
  server.set_exception_handler(on_exception);
  server.set_error_handler(on_error);
  server.set_pre_routing_handler([&](const auto& in, auto& out) { return without_body(routes, in, out); });
  add_routes(server, routes);
}

// Whether somebody answers at this socket file, or only its name was left behind.
bool answered(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Result<> remove_stale(const std::string& path) {
  std::error_code problem;
  const auto status = std::filesystem::symlink_status(path, problem);
  if (!std::filesystem::exists(status)) return {};
  if (!std::filesystem::is_socket(status))
    return fail(fmt::format("{} exists and is not a socket: remove it", path), Origin::kOperator);
  if (answered(path)) return fail(fmt::format("another process answers at {}", path), Origin::kOperator);
  if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
  return {};
}

Result<> give_to_group(const std::string& path, const std::string& group) {
  if (::chmod(path.c_str(), 0660) != 0) return fail_errno("set the mode of " + path);
  if (group.empty()) return {};
  const ::group* entry = ::getgrnam(group.c_str());
  if (entry == nullptr)
    return fail(fmt::format("mgmt.api_group: there is no group \"{}\" on this host", group), Origin::kOperator);
  if (::chown(path.c_str(), uid_t(-1), entry->gr_gid) != 0)
    return fail_errno(fmt::format("give {} to group {}", path, group));
  return {};
}

// The file must never be open to others, not even before its mode is set; no other thread makes files at this moment.
bool bind_narrowly(httplib::Server& server, const std::string& path) {
  const mode_t before = ::umask(0117);
  const bool bound = server.bind_to_port(path, 80);  // the port is not used
  ::umask(before);
  return bound;
}

}  // namespace

struct Server::Impl {
  Impl(EventLoop& loop, Site& site) : routes(loop, site) {}

  std::string path;
  Routes routes;
  httplib::Server server;
  std::jthread thread;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::listen(const std::string& path, const std::string& group, EventLoop& loop,
                                               Site& site) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(
        fmt::format("the API socket's path {} is longer than {} bytes", path, sizeof(sockaddr_un::sun_path) - 1),
        Origin::kOperator);
  if (auto removed = remove_stale(path); !removed) return std::unexpected(std::move(removed.error()));
  auto impl = std::make_unique<Impl>(loop, site);
  impl->path = path;
  set_up(impl->server, impl->routes);
  if (!bind_narrowly(impl->server, path)) return fail_errno("listen at " + path);
  if (auto given = give_to_group(path, group); !given)
    log::warning("{}; only the group of this process may use the API", given.error().message);
  impl->thread = std::jthread([&server = impl->server] { server.listen_after_bind(); });
  while (!impl->server.is_running()) std::this_thread::sleep_for(kReadyPause);  // before that, stop() would be lost
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
  impl_->server.stop();
  ::unlink(impl_->path.c_str());
  if (impl_->thread.joinable()) impl_->thread.join();  // clients who keep a connection may hold it for seconds
}

}  // namespace cardea::mgmt::api
