// Rows of `services`: what clients connect to.
#include <algorithm>
#include <iterator>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kTiB = uint64_t{1} << 40;

Form<Mode> mode_words() {
  return word<Mode>({{"l4", Mode::kL4, "connections are forwarded packet by packet, without looking inside"},
                     {"tcp", Mode::kTcp, "connections are accepted here and their bytes carried to a backend"},
                     {"http", Mode::kHttp, "requests are routed, cached and balanced one by one"}});
}

const char* const kHowHttpIsRead =
    "How strictly HTTP is read: clients as RFC 9112 has it, and what two readers could read differently is refused "
    "(400, with "
    "the reason in the answer and the log), as is a header that would pass for one of framing or forwarding if its "
    "punctuation were other. Backends are forgiven what cannot be misread and is not sent on: blanks before a header's "
    "colon and behind a chunk's size, any text in a chunk's extension, one Content-Length said several times, leading "
    "zeros, entity tags without quotes. Not forgiven (502): lines that end in LF alone, folded lines, Content-Length "
    "beside Transfer-Encoding, other codings than chunked, statuses above 599. Health checks read answers the same "
    "way.";

Form<Forward> forward_words() {
  return word<Forward>(
      {{"fullnat", Forward::kFullnat,
        "both addresses are rewritten: backends see this host and need no set-up; answers come back through it"},
       {"ipip", Forward::kIpip,
        "packets are tunnelled unchanged: backends see the client, need a tunnel interface with the service's address, "
        "and "
        "answer the client directly"}});
}

const char* const kHowTlsIsPassed =
    "Of a tcp service with routes: the first message of TLS, the ClientHello, is looked at and then carried on untouched "
    "with all that follows, so no certificate is needed here. A route matches by the name that is asked for (`host`; with "
    "Encrypted ClientHello the outer one), the protocols that are offered (`alpn`) and the client's address (`client`), "
    "and names a pool or a split; the more specific host wins, then the route with more conditions, then the first in "
    "the file. What no route is for goes to the service's `pool`, and so does what is no TLS; without one TLS is answered "
    "with the alert unrecognized_name and closed, logged as no_route. A ClientHello may come in pieces, has 16 KB at most, "
    "and one that is malformed or longer is refused as bad_client_hello. Beginnings are waited for, so protocols in which "
    "the server speaks first do not fit beside.";

const char* const kWhoIsBelieved =
    "Who the header names is the client everywhere: in X-Forwarded-For and the access log, for source_connections_max, "
    "hashing and the `client` of routes; the address that it meant is the listener's. Versions 1 and 2 are understood, by "
    "what comes; of the further facts of version 2 the name and the protocol are told on to backends whose pool has "
    "proxy_protocol, a checksum has to be right, and the others are skipped. LOCAL, UNKNOWN and families other than TCP's "
    "leave the connection its own addresses. A header has to be there, whole, and no longer than 16 KB within "
    "request_timeout (which goes on into the TLS handshake), or the connection is reset, counted and logged as "
    "bad_proxy_header; one that is closed without a word is neither. Peers that are not named here are clients "
    "themselves: no header of theirs is read, so that an http service answers it as a malformed request, one with tls as "
    "what is no TLS, and a plain tcp service carries it on as it does everything.";

const char* const kHowIdsAreTold =
    "The id is 32 hexadecimal digits that no other exchange of any host has. The access log has it as \"id\", backends "
    "are told it as X-Request-ID, and whatever a client sent under that name, or one that reads like it (X_Request_Id), "
    "is left out. The id that one of `trusted_proxies` sends is kept where it is one header of 1 to 128 visible characters "
    "without quotes, backslashes and commas.";

const Section& request_id_section() {
  static const Section section = section_of<RequestId>(
      "request_id", "",
      {
          value("header", &RequestId::header, id_header(),
                {.prose = "The header that tells backends the id of a request.",
                 .example = "header = \"X-Correlation-ID\";"}),
          value("answer", &RequestId::answer, boolean(),
                {.prose = "Tell clients too, in the same header of every response, so that who complains can say which "
                          "request it was.",
                 .example = "answer = true;"}),
      });
  return section;
}

Form<TraceRule> trace_words() {
  return word<TraceRule>(
      {{"pass", TraceRule::kPass, "a client's traceparent goes on as it came"},
       {"continue", TraceRule::kContinue,
        "the same, and where a client has none, or one that is malformed, a trace begins here, whose id is the "
        "request's"},
       {"begin", TraceRule::kBegin, "a trace begins with every request, and clients' traceparent and tracestate end here"}});
}

const Section& from_proxies_section() {
  static const Section section = section_of<FromProxies>(
      "proxy_protocol", "",
      {
          value("from", &FromProxies::from, prefix(),
                {.prose = "Networks of the load balancers that are believed.",
                 .example = "from = [\"10.0.0.0/8\", \"2001:db8:1::/48\"];",
                 .required = true,
                 .count_max = 256}),
      });
  return section;
}

// What it is, and where it leads.
std::vector<Row> ways() {
  return {
      value("name", &Service::name, name(64),
            {.prose = "The service's name, used by commands and metrics.",
             .example = "name = \"dns\";",
             .required = true}),
      value("mode", &Service::mode, mode_words(),
            {.prose = "On which layer the service works.", .details = kHowHttpIsRead}),
      value("listen", &Service::listen, listen(),
            {.prose = "Addresses, ports and protocols clients connect to.",
             .example = "listen = [\"203.0.113.53:53/udp\", \"[2001:db8::53]:53/udp\"];",
             .required = true,
             .count_max = 256}),
      value("forward", &Service::forward, forward_words(), {.prose = "How packets reach the backend.", .only = for_l4()}),
      value("transport", &Service::transport, transport_words(),
            {.prose = "Which TCP is spoken to the service's clients.",
             .example = "transport = \"kernel\";",
             .unset = "as l7.transport says",
             .only = for_tcp_and_http()}),
      value("pool", &Service::pool, name(64),
            {.prose = "The pool the service's connections go to; of a service with routes, what no route matches.",
             .example = "pool = \"dns\";",
             .unset = "only services with routes, and http services with redirect, respond or files, may leave it out: "
                      "what no route matches is answered with 404, or the alert unrecognized_name"}),
      group("redirect", &Service::redirect, redirect_section(),
            {.prose = "In place of a pool, clients are sent elsewhere; a service that sends all of its to https needs "
                      "no more than this, with the scheme in it.", .only = for_http()}),
      group("respond", &Service::respond, respond_section(),
            {.prose = "In place of a pool, clients are answered with what stands here.", .only = for_http()}),
      group("files", &Service::files, files_section(),
            {.prose = "In place of a pool, clients are sent files of this host, as a route's \"files\" does.", .only = for_http()}),
      group("tls", &Service::tls, tls_section(),
            {.prose = "TLS is spoken to clients; left out: plain connections.", .only = for_tcp_and_http()}),
      group("proxy_protocol", &Service::proxy_protocol, from_proxies_section(),
            {.prose = "Connections of certain peers, load balancers in front of this host, begin with a "
                      "header of the PROXY protocol, before TLS, that says whose they are.",
             .details = kWhoIsBelieved, .only = for_tcp_and_http()}),
      list("routes", &Service::routes, route_section(),
           {.prose = "http: which request goes where; the most specific host wins, then the longest path. tcp: TLS is "
                     "passed through, to where the name leads that a client asks for.",
            .count_max = 65536,
            .details = kHowTlsIsPassed, .only = for_tcp_and_http()}),
      value("access_logs", &Service::access_logs, name(64),
            {.prose = "The access logs that the service's exchanges go to, by name; \"none\": to none.",
             .example = "access_logs = [\"access_log\", \"errors\"];",
             .count_max = 16,
             .unset = "they go to all of them",
             .only = for_tcp_and_http()}),
      group("request_id", &Service::request_id, request_id_section(),
            {.prose = "How the id that each request gets is told.", .details = kHowIdsAreTold, .only = for_http()}),
      value("trace", &Service::trace, trace_words(),
            {.prose = "What becomes of W3C traces (the headers traceparent and tracestate) on their way to "
                      "backends; the access log has the trace's id as \"trace\".",
             .example = "trace = \"continue\";", .only = for_http()}),
      value("trace_sample", &Service::trace_sample, number<uint32_t>(0, 100),
            {.prose = "How many of a hundred traces that begin here ask those behind to record them.",
             .example = "trace_sample = 5;", .only = for_http()}),
      value("http2", &Service::http2, boolean(),
            {.prose = "Clients that want it are spoken to in HTTP/2: by ALPN where the service has tls, and "
                      "without where a connection begins as HTTP/2 does (prior knowledge). Trailers of responses go to all of "
                      "these, and to clients of HTTP/1.1 that say `TE: trailers`.",
             .example = "http2 = false;", .only = for_http()}),
  };
}

// What a client may cost.
std::vector<Row> limits() {
  return {
      value("connections_max", &Service::connections_max, number<uint32_t>(1, 10'000'000),
            {.prose = "Most connections of clients at a time; more are refused and counted.", .only = for_tcp_and_http()}),
      value("source_connections_max", &Service::source_connections_max, number<uint32_t>(0, 10'000'000),
            {.prose = "Most connections of one client's address at a time, of all IPv6 addresses of a "
                      "/64 together; more are refused and counted. 0: no limit, as it has to be where all clients "
                      "come from a few addresses.",
             .example = "source_connections_max = 256;", .only = for_tcp_and_http()}),
      value("request_timeout", &Service::request_timeout, duration(100ms, 1h),
            {.prose = "http: time for the whole head of a request, from its first byte; then it is answered with "
                      "408. tcp and http: time for what comes before, the header of the PROXY protocol and the TLS "
                      "handshake together, and the ClientHello that is passed through.", .only = for_tcp_and_http()}),
      value("idle_timeout", &Service::idle_timeout, duration(100ms, 168h),
            {.prose = "http: how long a connection is kept between requests, and how long a WebSocket or a call of gRPC "
                      "may be silent. tcp: how long without any byte.", .only = for_tcp_and_http()}),
      value("body_timeout", &Service::body_timeout, duration(100ms, 1h),
            {.prose = "Longest pause within a body, of a request or a response: as long as bytes move, a "
                      "client or backend has that long for the next ones.", .only = for_http()}),
      value("rate_min", &Service::rate_min, size(0, 1 << 30),
            {.prose = "Fewest bytes a second of a client that sends a body or takes a response, over "
                      "rate_window; a slower one is ended and counted. So is a backend given up that takes a "
                      "request's body more slowly (`backend_stalled`). Only the time in which that side is waited for "
                      "counts, so a response that its backend sends slowly is not cut. \"0\": any.",
             .example = "rate_min = \"500B\";", .only = for_http()}),
      value("rate_window", &Service::rate_window, duration(100ms, 1h),
            {.prose = "Over which time rate_min is measured; each body may begin with a pause as long, where "
                      "body_timeout allows it.", .only = for_http()}),
      value("linger_timeout", &Service::linger_timeout, duration(1s, 1h),
            {.prose = "How long, at most, what still comes is read and dropped when its request was answered "
                      "already, be it for its head (400, 414, 431) or for want of memory (503), so that a client that "
                      "sends everything before it reads gets the answer. However large its body is, but 8 MiB at most "
                      "where its head was not taken; body_timeout and rate_min end it earlier. Of a client that was "
                      "given up for its slowness, or that asks on behind an answer with `Connection: close`, it is "
                      "1 MiB at most, with pauses of 2 seconds. By HTTP/2, a client that sends nothing for half a "
                      "second is told then that nobody reads (RST_STREAM with NO_ERROR).", .only = for_http()}),
      value("header_max", &Service::header_max, size(1 << 10, 1 << 20),
            {.prose = "Largest head of a request; larger ones are answered with 431.", .only = for_http()}),
      value("body_max", &Service::body_max, size(0, kTiB),
            {.prose = "Largest body of a request; larger ones are answered with 413. \"0\": no limit.",
             .example = "body_max = \"100MB\";", .only = for_http()}),
  };
}

}  // namespace

const Section& service_section() {
  static const Section section = [] {
    std::vector<Row> rows = ways();
    std::ranges::move(limits(), std::back_inserter(rows));
    for (const Row& row : service_policy_rows()) rows.push_back(within(&Service::policies, row));
    return section_of<Service>("service", "name", with_policies<Service>(std::move(rows)));
  }();
  return section;
}

}  // namespace cardea::conf
