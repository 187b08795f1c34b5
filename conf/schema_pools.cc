// Rows of `pools`: backends, how flows are spread over them and how their health is asked for.
#include <algorithm>
#include <iterator>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

// Who looks for a check over UDP is told what there is instead.
Form<HealthType> health_words() {
  Form<HealthType> form =
      word<HealthType>({{"none", HealthType::kNone, "no checks: every backend counts as up"},
                        {"tcp", HealthType::kTcp, "a TCP connection has to be accepted"},
                        {"http", HealthType::kHttp, "an HTTP request has to be answered as expected"},
                        {"https", HealthType::kHttps, "the same over TLS"}});
  form.read = [known = form.read](const Node& node) -> std::expected<HealthType, Mistake> {
    if (node.kind != Node::Kind::kText || node.text != "udp") return known(node);
    return std::unexpected(Mistake{
        "nothing is checked over UDP: servers of UDP are checked on a TCP port of theirs (`port`), or not at all", ""});
  };
  return form;
}

const Section& health_section() {
  static const Section section = section_of<HealthCheck>(
      "health", "",
      {
          value("type", &HealthCheck::type, health_words(),
                {.prose = "How a backend is asked whether it is well. Nothing is asked over UDP: a UDP server is "
                          "checked on a TCP "
                          "port that it, or something beside it, answers on (`port`), or not at all (none)."}),
          value("path", &HealthCheck::path, text(1024),
                {.prose = "Path requested by HTTP and HTTPS checks.", .example = "path = \"/health\";"}),
          value("host", &HealthCheck::host, text(253),
                {.prose = "Host header of HTTP and HTTPS checks, and the TLS server name.",
                 .example = "host = \"shop.example\";",
                 .unset = "for HTTPS the `server_name` of the pool's `tls`, and without one the backend's address"}),
          value("expect", &HealthCheck::expect, number<uint16_t>(100, 599),
                {.prose = "HTTP statuses that count as well.", .example = "expect = [200, 204];", .count_max = 64}),
          value("body", &HealthCheck::body, text(4096),
                {.prose = "Text that has to occur in the first 64 KiB of the answer's body.",
                 .example = "body = \"ok\";",
                 .unset = "any body will do"}),
          value("verify", &HealthCheck::verify, boolean(),
                {.prose = "Whether HTTPS checks require a certificate for `host`, "
                          "from the `authorities` of the pool's `tls` or, without any, from one this host trusts."}),
          value(
              "port", &HealthCheck::port, number<uint16_t>(1, 65535),
              {.prose =
                   "Port checked instead of the backend's own: for servers of UDP, a TCP port that tells how they are.",
               .example = "port = 9000;",
               .unset = "the backend's port"}),
          value("interval", &HealthCheck::interval, duration(50ms, 1h),
                {.prose = "Time from one check of a backend to the next.", .example = "interval = \"500ms\";"}),
          value("timeout", &HealthCheck::timeout, duration(10ms, 1h),
                {.prose = "A check that has not succeeded after this long has failed."}),
          value("rise", &HealthCheck::rise, number<uint32_t>(1, 1000),
                {.prose = "Successful checks in a row that bring a backend up."}),
          value("fall", &HealthCheck::fall, number<uint32_t>(1, 1000),
                {.prose = "Failed checks in a row that take a backend down."}),
          value("jitter_percent", &HealthCheck::jitter_percent, number<uint32_t>(0, 50),
                {.prose = "Each interval is shortened at random by up to this share of it, so that checks do not march "
                          "in step."}),
      });
  return section;
}

const Section& backend_section() {
  static const Section section = section_of<Backend>(
      "backend", "address",
      {
          value("address", &Backend::address, endpoint(),
                {.prose = "Where the backend listens.", .example = "address = \"10.0.0.11:8080\";", .required = true}),
          value("weight", &Backend::weight, number<uint32_t>(0, 65535),
                {.prose = "The backend's share of new connections, relative to the others of its pool; 0: none."}),
          value("connections_max", &Backend::connections_max, number<uint32_t>(0, 1'000'000),
                {.prose = "tcp and http services: most requests and connections this host has under way to the backend "
                          "at a time; 0: no limit."}),
          value("backup", &Backend::backup, boolean(),
                {.prose = "Whether it gets work only while none of the pool's other backends serves.",
                 .example = "backup = true;"}),
      });
  return section;
}

const Section& backend_tls_section() {
  static const Section section = section_of<BackendTls>(
      "tls", "",
      {
          value("server_name", &BackendTls::server_name, text(253),
                {.prose = "Name asked for (SNI) and looked for in the backend's certificate.",
                 .example = "server_name = \"origin.shop.example\";",
                 .unset = "the host of the request; the backend's address where there is none, as in tcp"}),
          value("verify", &BackendTls::verify, boolean(),
                {.prose =
                     "Whether the backend has to show a certificate for that name, from an authority trusted here."}),
          value("authorities", &BackendTls::authorities, file_path("/etc/ssl/certs/ca-certificates.crt"),
                {.prose = "PEM file with the authorities that are trusted.",
                 .example = "authorities = \"/etc/cardea/origin-ca.pem\";",
                 .unset = "those this host trusts"}),
          group("certificate", &BackendTls::certificate, certificate_section(),
                {.prose = "The certificate that is shown to backends that ask for one (mutual TLS)."}),
      });
  return section;
}

Form<ProxyVersion> proxy_words() {
  return word<ProxyVersion>(
      {{"none", ProxyVersion::kNone, "nothing is sent ahead"},
       {"v1", ProxyVersion::kV1, "the client's and the service's address in a line of text"},
       {"v2", ProxyVersion::kV2,
        "the same in binary with a checksum and, of a client that came by TLS, the name it asked for, the protocol that "
        "is spoken, TLS version and cipher"}});
}

const char* const kWhoSharesProxied =
    "A connection that began with one client's address serves that client alone: between its requests it is kept beside "
    "the client's connection, four at most and not counted by idle_connections or connections_max, and ends with it. What "
    "is sent before TLS is not encrypted. Health checks of the backend's own port begin as connections without a client "
    "do (v1: UNKNOWN, v2: LOCAL); those with a `port` of their own begin without. An http service tells the client's "
    "address in X-Forwarded-For as well. When the cache renews by itself, it is in the name of the client that asked.";

const char* const kHttp2Prose =
    "http services: what is spoken to the backends. By HTTP/2 one connection carries up to 100 "
    "requests at a time, or as many as its backend allows, and another one is opened when all "
    "are full; connect_timeout then covers what the backend says of itself (SETTINGS). "
    "connections_max counts requests under way, idle_connections those connections that have "
    "none. WebSockets go by it to backends that say that they take them so (RFC 8441), each as one "
    "of those requests, and by HTTP/1.1 on a connection of their own to others. Requests that authenticate their "
    "connection (NTLM, Negotiate) go by HTTP/1.1 all the same. Health checks speak HTTP/1.1.";

Form<PoolHttp2> http2_words() {
  return word<PoolHttp2>(
      {{"off", PoolHttp2::kOff, "HTTP/1.1"},
       {"tls", PoolHttp2::kTls, "HTTP/2 with backends that choose it in the TLS handshake (ALPN), HTTP/1.1 with others"},
       {"prior_knowledge", PoolHttp2::kPriorKnowledge,
        "HTTP/2 without asking, over plain connections (h2c) or TLS: every backend has to speak it"}});
}

Form<RetryOn> retry_words() {
  return word<RetryOn>({{"timeout", RetryOn::kTimeout, "no answer in time"},
                        {"bad_response", RetryOn::kBadResponse, "an answer that is no HTTP"},
                        {"404", RetryOn::k404, "answers with this status"},
                        {"408", RetryOn::k408, "the same"},
                        {"425", RetryOn::k425, "the same"},
                        {"429", RetryOn::k429, "the same"},
                        {"500", RetryOn::k500, "the same"},
                        {"501", RetryOn::k501, "the same"},
                        {"502", RetryOn::k502, "the same"},
                        {"503", RetryOn::k503, "the same"},
                        {"504", RetryOn::k504, "the same"},
                        {"unsafe_methods", RetryOn::kUnsafeMethods,
                         "requests of POST, PATCH and other methods too, which a backend may then carry out twice"}});
}

const char* const kWhatIsSafe =
    "Always taken to another backend is what was not sent: connections that are refused or not made in time, and by HTTP/2 "
    "what a backend says it did not begin. So is, of methods that a repetition does not harm (GET, HEAD, OPTIONS, TRACE, "
    "PUT, DELETE), what a backend broke off before it answered: on a connection that had idled, or once on a new one. "
    "Nothing is sent again of which the client has seen a byte, or whose body is larger than what came with its head "
    "(16 kB). An answer that another backend is to better goes to the client where there is no other, where `retries` "
    "are used up, or where `budget` allows none.";

const Section& retry_section() {
  static const Section section = section_of<Retry>(
      "retry", "",
      {
          value("on", &Retry::on, retry_words(),
                {.prose = "What else is taken to another backend.",
                 .example = "on = [\"timeout\", \"502\", \"503\", \"504\"];",
                 .count_max = 16,
                 .unset = "only what is always safe"}),
          value("budget", &Retry::budget, number<uint32_t>(0, 1000),
                {.prose = "Most retries, in percent of the pool's requests, with 100 to spare; 0: any number. What "
                          "fails beyond is not taken elsewhere, so that backends in trouble are not given several times "
                          "their load; `cardea_l7_pool_retries_denied_total` counts it.",
                 .example = "budget = 10;"}),
          value("timeout", &Retry::timeout, duration(0ms, 24h),
                {.prose = "How long an attempt may take to the head of its response while another may follow it, in place "
                          "of response_timeout, for what \"timeout\" allows to be sent again; 0: response_timeout.",
                 .example = "timeout = \"2s\";"}),
      });
  return section;
}

std::vector<Row> name_rows() {
  return {value("name", &Pool::name, name(64),
                {.prose = "The pool's name, used by services, commands and metrics.",
                 .example = "name = \"web\";",
                 .required = true})};
}

// Who the servers are, and how they are spoken to.
std::vector<Row> server_rows() {
  return {
      value("ring_size", &Pool::ring_size, number<uint32_t>(251, 5'000'011),
            {.prose = "Entries of the pool's Maglev table, a prime number; 100 for each backend keep shares within "
                      "1 %. When the size changes nearly every new connection of a client goes elsewhere, so a pool "
                      "that grows and shrinks across one of the limits below should have a size of its own.",
             .example = "ring_size = 65537;",
             .unset = "4093 for up to 10 backends, 16381 up to 40, 65537 up to 655, 262139 up to 2621, 1048573 up "
                      "to 10485, 4194301 above"}),
      list("backends", &Pool::backends, backend_section(),
           {.prose = "The servers of the pool.", .required = true, .count_max = 65535}),
      group("tls", &Pool::tls, backend_tls_section(),
            {.prose = "tcp and http services: TLS is spoken to the backends; left out: plain connections."}),
      value("http2", &Pool::http2, http2_words(),
            {.prose = kHttp2Prose, .example = "http2 = \"prior_knowledge\";"}),
      value("connect_timeout", &Pool::connect_timeout, duration(10ms, 1h),
            {.prose = "tcp and http services: how long a backend may take to accept a connection."}),
      value("response_timeout", &Pool::response_timeout, duration(10ms, 24h),
            {.prose = "http services: how long a backend may take from a request to the head of its response; then "
                      "the client gets 504. As long as it takes of a large request it is not late, "
                      "however much of that is still under way."}),
      value("idle_timeout", &Pool::idle_timeout, duration(100ms, 24h),
            {.prose = "http services: how long a connection to a backend is kept without work; shorter than the "
                      "backend keeps it."}),
      value("idle_connections", &Pool::idle_connections, number<uint32_t>(0, 65535),
            {.prose = "http services: connections that this host keeps open to a backend for the next request."}),
      value("retries", &Pool::retries, number<uint32_t>(0, 10),
            {.prose = "http services: how often a request that is safe to send again is taken to another backend "
                      "after one failed.",
             .details = kWhatIsSafe}),
      group("retry", &Pool::retry, retry_section(),
            {.prose = "http services: which failures are taken to another backend beside those that are always safe to, and "
                      "how many."}),
      value("response_header_max", &Pool::response_header_max, size(1 << 10, 1 << 20),
            {.prose = "http services: largest head of a backend's response; what is larger is answered with 502."}),
      value("processing_timeout", &Pool::processing_timeout, duration(10ms, 24h),
            {.prose = "http services: how long a backend may take for the head of its response that goes on saying "
                      "that it works (status 102): each 102 begins response_timeout anew, up to this."}),
      value("proxy_protocol", &Pool::proxy_protocol, proxy_words(),
            {.prose = "tcp and http services: the header of the PROXY protocol that begins each connection to a "
                      "backend, before TLS: backends that expect it see the client's address.",
             .example = "proxy_protocol = \"v2\";",
             .details = kWhoSharesProxied}),
      group("health", &Pool::health, health_section(),
            {.prose = "How the pool's backends are checked. Without this group a TCP connection is tried to each "
                      "backend's "
                      "own port, so backends that answer only UDP there count as down: these need `port`, a TCP port "
                      "they answer on, or type = \"none\"."}),
  };
}

std::vector<Row> joined(std::vector<Row> first, std::vector<Row> second, std::vector<Row> third) {
  for (auto* more : {&second, &third}) std::ranges::move(*more, std::back_inserter(first));
  return first;
}

}  // namespace

const Section& pool_section() {
  static const Section section = section_of<Pool>("pool", "name", joined(name_rows(), choosing_rows(), server_rows()));
  return section;
}

}  // namespace cardea::conf
