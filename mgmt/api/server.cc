#include "mgmt/api/server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <thread>

#include "base/check.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "mgmt/api/connection.h"
#include "mgmt/api/socket_file.h"

namespace cardea::mgmt::api {
namespace {

constexpr size_t kBodyMax = 64 << 10;
constexpr size_t kThreads = 32;                         // clients at once; a reload holds one for as long as it takes
constexpr std::chrono::milliseconds kAcceptPause{100};  // when a client could not be accepted, for want of descriptors
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

PeerCredentials peer_of(const httplib::Request& request) {
  PeerCredentials peer;
  std::from_chars(request.remote_addr.data(), request.remote_addr.data() + request.remote_addr.size(), peer.user);
  peer.pid = request.remote_port;
  return peer;
}

std::string error_of(const Answer& answer) {
  const Json body = Json::parse(answer.body, nullptr, false);
  return body.is_object() && body.contains("error") && body["error"].is_string() ? body["error"].get<std::string>()
         : answer.status >= 400                                                  ? fmt::format("HTTP {}", answer.status)
                                                                                 : std::string();
}

// What changes something is kept, whoever asked for it and whatever came of it.
template <typename Act>
void put_change(httplib::Response& response, Audit& audit, const httplib::Request& request, std::string action,
                std::string of, Act act) {
  Change change{.by = peer_of(request), .action = std::move(action), .of = std::move(of), .status = 503,
                .error = "it is not known what came of it: cardea-mgmt is being stopped"};
  try {
    Answer answer = act();
    change.status = answer.status, change.error = error_of(answer);
    put(response, std::move(answer));
  } catch (...) {
    audit.note(change);
    throw;
  }
  audit.note(change);
}

void add_changes(httplib::Server& server, Routes& routes, Audit& audit) {
  using Request = httplib::Request;
  using Response = httplib::Response;
  server.Post("/v1/reload", [&](const Request& in, Response& out) { put_change(out, audit, in, "reload", "", [&] { return routes.reload(); }); });
  server.Post("/v1/unblock", [&](const Request& in, Response& out) { put_change(out, audit, in, "unblock", in.body, [&] { return routes.unblock(in.body); }); });
  server.Post("/v1/purge", [&](const Request& in, Response& out) { put_change(out, audit, in, "purge", in.body, [&] { return routes.purge(in.body); }); });
  server.Post(R"(/v1/backends/([^/]+)/([^/]+))", [&](const Request& in, Response& out) {
    const std::string pool = in.matches[1], backend = in.matches[2];
    put_change(out, audit, in, "set backend", fmt::format("{}/{} {}", pool, backend, in.body),
               [&] { return routes.set_backend(pool, backend, in.body); });
  });
}

void add_routes(httplib::Server& server, Routes& routes) {
  using Request = httplib::Request;
  using Response = httplib::Response;
  server.Get("/v1/status", [&](const Request&, Response& out) { put(out, routes.status()); });
  server.Get("/v1/services", [&](const Request&, Response& out) { put(out, routes.services()); });
  server.Get("/v1/routes", [&](const Request& in, Response& out) { put(out, routes.routes(parameters_of(in))); });
  server.Get("/v1/certs", [&](const Request&, Response& out) { put(out, routes.certs()); });
  server.Get("/v1/connections",
             [&](const Request& in, Response& out) { put(out, routes.connections(parameters_of(in))); });
  server.Get("/v1/exchanges", [&](const Request& in, Response& out) { put(out, routes.exchanges(parameters_of(in))); });
  server.Get("/v1/tail", [&](const Request& in, Response& out) { put(out, routes.tail(parameters_of(in))); });
  server.Get("/v1/limits", [&](const Request&, Response& out) { put(out, routes.limits()); });
  server.Get("/v1/cache", [&](const Request&, Response& out) { put(out, routes.cache()); });
  server.Get("/v1/pools", [&](const Request&, Response& out) { put(out, routes.pools()); });
  server.Get("/v1/backends", [&](const Request& in, Response& out) { put(out, routes.backends(parameters_of(in))); });
  server.Get("/v1/flows", [&](const Request& in, Response& out) { put(out, routes.flows(parameters_of(in))); });
  server.Get("/v1/explain", [&](const Request& in, Response& out) { put(out, routes.explain(parameters_of(in))); });
  server.Get("/v1/version", [&](const Request&, Response& out) { put(out, routes.version()); });
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
              "GET /v1/status, services, routes, pools, backends, flows, exchanges, connections, tail, certs, limits, cache, explain, audit, version; POST "
              "/v1/reload, /v1/purge, /v1/unblock, /v1/backends/POOL/ADDRESS"));
  } else {
    put(response, error(response.status, fmt::format("the request was not understood (HTTP {})", response.status)));
  }
}

// The library reads the body of a POST without a length until the client closes, which a client that waits never does.
httplib::Server::HandlerResponse without_body(Routes& routes, Audit& audit, const httplib::Request& request,
                                              httplib::Response& response) {
  const bool has_body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  if (request.method != "POST" || has_body) return httplib::Server::HandlerResponse::Unhandled;
  if (request.path == "/v1/reload") {
    put_change(response, audit, request, "reload", "", [&] { return routes.reload(); });
  } else {
    put_change(response, audit, request, "POST", request.path, [] { return error(400, "the request has no body"); });
  }
  return httplib::Server::HandlerResponse::Handled;
}

void set_up(httplib::Server& server, Routes& routes, Audit& audit) {
  server.set_payload_max_length(kBodyMax);
  server.set_exception_handler(on_exception);
  server.set_error_handler(on_error);
  server.set_pre_routing_handler([&](const auto& in, auto& out) { return without_body(routes, audit, in, out); });
  add_routes(server, routes);
  server.Get("/v1/audit", [&](const httplib::Request& in, httplib::Response& out) { put(out, changes(audit, parameters_of(in))); });
  add_changes(server, routes, audit);
}

// The library's own loop over clients has no limit to how long one of them may take, so it only sees one at a time.
class OneRequest : public httplib::Server {
 public:
  void serve(httplib::Stream& client) {
    bool closed = false;
    process_request(client, true, closed, nullptr);
  }
};

}  // namespace

struct Server::Impl {
  Impl(std::string socket_path, FileDescriptor socket, EventLoop& loop, Site& site, Audit& audit)
      : path(std::move(socket_path)), listener(std::move(socket)), routes(loop, site) {
    set_up(http, routes, audit);
  }

  void work();

  const std::string path;
  const FileDescriptor listener;
  const FileDescriptor ending{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  Routes routes;
  OneRequest http;
  std::vector<std::jthread> threads;  // last: they use all of the above
};

// Ends when the listener is shut down.
void Server::Impl::work() {
  for (;;) {
    FileDescriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) {
      Connection connection(std::move(client), ending.get(), Patience{});
      http.serve(connection);
    } else if (errno == EINVAL) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      std::this_thread::sleep_for(kAcceptPause);
    }
  }
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::listen(const std::string& path, const std::string& group, EventLoop& loop,
                                               Site& site, Audit& audit) {
  auto socket = listen_at(path, group);
  if (!socket) return std::unexpected(std::move(socket.error()));
  auto impl = std::make_unique<Impl>(path, std::move(*socket), loop, site, audit);
  CHECK(impl->ending, "no eventfd");
  for (size_t i = 0; i < kThreads; ++i) impl->threads.emplace_back([&impl = *impl] { impl.work(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
  ::shutdown(impl_->listener.get(), SHUT_RDWR);
  const uint64_t one = 1;
  (void)!::write(impl_->ending.get(), &one, sizeof one);
  ::unlink(impl_->path.c_str());
}

}  // namespace cardea::mgmt::api
