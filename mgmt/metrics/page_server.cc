#include "mgmt/metrics/page_server.h"

#include <civetweb.h>
#include <fmt/format.h>
#include <prometheus/text_serializer.h>
#include <zlib.h>

#include <cstring>
#include <string>

namespace cardea::mgmt::metrics {
namespace {

// Who says nothing holds a thread of the library's for as long as he may take for his request: 200 of them keep
// Prometheus waiting for two seconds, however often they come again.
constexpr const char* kClients = "128";
constexpr const char* kClientTime = "1000";  // milliseconds

bool takes_gzip(const mg_connection* client) {
  const char* encodings = mg_get_header(client, "Accept-Encoding");
  return encodings != nullptr && std::strstr(encodings, "gzip") != nullptr;
}

// Empty where it cannot be done.
std::string gzip(std::string text) {
  constexpr int kGzip = 15 + 16, kMemory = 8;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(text.data()), stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data()), stream.avail_out = uInt(out.size());
  const int ended = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return ended == Z_STREAM_END ? out : std::string();
}

}  // namespace

Result<std::unique_ptr<PageServer>> PageServer::listen(const Endpoint& at, Collect collect) {
  auto server = std::make_unique<PageServer>(std::move(collect));
  const std::string where = at.text();
  const char* options[] = {"listening_ports",    where.c_str(), "num_threads", kClients,
                           "request_timeout_ms", kClientTime,   nullptr};
  const mg_callbacks none{};
  server->context_ = mg_start(&none, nullptr, options);
  if (server->context_ == nullptr) return fail("the server does not start");
  mg_set_request_handler(server->context_, "/metrics$", answer, server.get());
  return server;
}

PageServer::~PageServer() {
  if (context_ != nullptr) mg_stop(context_);
}

uint16_t PageServer::port() const {
  mg_server_port first{};
  return mg_get_server_ports(context_, 1, &first) == 1 ? uint16_t(first.port) : 0;
}

int PageServer::answer(mg_connection* client, void* server) {
  std::string text = prometheus::TextSerializer().Serialize(static_cast<PageServer*>(server)->collect_());
  const std::string zipped = takes_gzip(client) ? gzip(text) : std::string();
  if (!zipped.empty()) text = zipped;
  const std::string head = fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n{}Content-Length: {}\r\n\r\n",
      zipped.empty() ? "" : "Content-Encoding: gzip\r\n", text.size());
  mg_write(client, head.data(), head.size());
  mg_write(client, text.data(), text.size());
  return 200;
}

}  // namespace cardea::mgmt::metrics
