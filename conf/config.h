// The configuration in the operator's words, typed and checked: what conf/ makes of a libconfig document and mgmt/
// compiles into plans. A value of this type has passed every check of the schema and between settings; names referred
// to exist. Where a setting stands in its file is kept beside it, for messages about things found out later.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/policies_generated.h"
#include "base/proxy_header.h"

namespace cardea::conf {

using std::chrono::milliseconds;

struct Place {  // where a thing was written
  std::string file;
  unsigned line = 0;
  std::string path;  // "pools[1].backends[0].address"

  // Settings are compared by what they say, not by where they stand.
  bool operator==(const Place&) const { return true; }
};

struct Cluster {
  std::string name = "cardea";
  std::string seed;  // the flow hash's key grows from it; empty: from the name, with a warning
  bool operator==(const Cluster&) const = default;
};

enum class Poll : uint8_t { kAdaptive, kBusy };
enum class Checksums : uint8_t { kNone, kHeaders, kFull };

enum class PortKernel : uint8_t { kTap, kInterface };

struct Port {
  Place place;
  std::string name, device;
  std::vector<Prefix> addresses;
  std::vector<IpAddress> gateways;  // at most one a family
  uint16_t mtu = 1500;
  std::optional<PortKernel> kernel;  // none: what its device can (kernel_of)
  bool operator==(const Port&) const = default;
};

struct Nat {
  std::vector<IpAddress> addresses;  // empty: the ports' own
  uint16_t port_first = 1024, port_last = 32767;
  bool operator==(const Nat&) const = default;
};

struct FlowTimeouts {
  milliseconds tcp_syn{60'000}, tcp_established{900'000}, tcp_closing{10'000}, udp{30'000};
  bool operator==(const FlowTimeouts&) const = default;
};

struct Door {
  uint64_t rate = 20'000;
  std::vector<uint16_t> ports = {22, 179, 3784, 4784};  // ssh, BGP, BFD
  bool other_hosts = false;
  bool operator==(const Door&) const = default;
};

// What the dataplane drops of sources that limits of cardea-l7 name (rate_limits[].block_for).
struct Blocks {
  uint32_t sources_max = 16'384;
  std::vector<Prefix> never;
  bool operator==(const Blocks&) const = default;
};

struct Dataplane {
  Place place;
  std::vector<uint16_t> workers;  // CPU numbers
  uint64_t flows = 1'000'000;
  Poll poll = Poll::kAdaptive;
  Checksums checksums = Checksums::kHeaders;
  Nat nat;
  FlowTimeouts timeouts;
  Door door;
  Blocks blocks;
  std::vector<Prefix> floating;  // services' addresses that others set on the ports
  uint32_t services_max = 4096, backends_max = 65'536, neighbours_max = 4096;
  std::vector<Port> ports;
  bool operator==(const Dataplane&) const = default;
};

enum class HealthType : uint8_t { kNone, kTcp, kHttp, kHttps };

struct HealthCheck {
  HealthType type = HealthType::kTcp;
  std::string path = "/";
  std::string host;                      // Host header and SNI; empty: the backend's address
  std::vector<uint16_t> expect = {200};  // statuses
  std::string body;                      // must occur in the first 64 KB of the answer; empty: any
  bool verify = false;                   // https: check the certificate
  std::optional<uint16_t> port;          // instead of the backend's
  milliseconds interval{2000}, timeout{1000};
  uint32_t rise = 2, fall = 3;
  uint32_t jitter_percent = 10;  // of the interval
  bool operator==(const HealthCheck&) const = default;
};

struct Backend {
  Place place;
  Endpoint address;
  uint32_t weight = 1;           // 0: no new flows
  uint32_t connections_max = 0;  // of cardea-l7; 0: no limit
  bool backup = false;
  bool operator==(const Backend&) const = default;
};

struct Certificate {
  Place place;
  std::string cert, key;  // PEM files; only cardea-l7 reads the key
  std::string ocsp;       // a service's: "fetch", or a file of DER; empty: nothing is stapled
  bool operator==(const Certificate&) const = default;
};

struct BackendTls {  // cardea-l7 speaks TLS to the backends
  Place place;
  std::string server_name;  // empty: the request's host
  bool verify = true;
  std::string authorities;  // PEM file; empty: the system's
  std::optional<Certificate> certificate;  // ours
  bool operator==(const BackendTls&) const = default;
};

// Passive: by what requests tell of a backend.
struct Ejection {
  Place place;
  uint32_t errors = 5, gateway_errors = 5;  // in a row; 0: never
  milliseconds time{10'000}, time_max{300'000};
  uint32_t share_max = 34;  // percent of the backends that serve
  bool operator==(const Ejection&) const = default;
};

struct Sticky {
  Place place;
  std::string cookie;
  std::string key;  // empty: the cluster's seed
  bool operator==(const Sticky&) const = default;
};

struct Queue {
  Place place;
  uint32_t length = 1000;
  milliseconds timeout{5'000};
  bool operator==(const Queue&) const = default;
};

enum class RetryOn : uint16_t {  // statuses are themselves
  kTimeout = 1,
  kBadResponse,
  kUnsafeMethods,
  k404 = 404,
  k408 = 408,
  k425 = 425,
  k429 = 429,
  k500 = 500,
  k501,
  k502,
  k503,
  k504,
};

struct Retry {
  Place place;
  std::vector<RetryOn> on;
  uint32_t budget = 20;      // percent; 0: any number
  milliseconds timeout{0};   // 0: response_timeout
  bool operator==(const Retry&) const = default;
};

enum class Balance : uint8_t { kMaglev, kRoundRobin, kLeastConn, kRandom, kP2c, kSourceHash, kHash };
enum class HashOn : uint8_t { kClient, kUri, kHeader, kCookie };

// The size of a pool's ring when nobody sets it: the smallest of a few primes that leaves 100 slots or more for each
// backend (conf/ring_size.cc has the numbers behind it).
uint32_t ring_size_for(size_t backends);

enum class PoolHttp2 : uint8_t { kOff, kTls, kPriorKnowledge };

struct Pool {
  Place place;
  std::string name;
  Balance balance = Balance::kMaglev;
  uint32_t panic_below = 0;    // percent of the weight; 0: never
  milliseconds slow_start{0};  // 0: none
  std::optional<Ejection> ejection;
  std::optional<Sticky> sticky;
  std::optional<Queue> queue;
  HashOn hash_on = HashOn::kClient;   // Balance::kHash
  std::string hash_name;              // of a header or a cookie
  uint32_t hash_load_max = 125;       // percent
  std::optional<uint32_t> ring_size;  // none: by the number of backends
  std::vector<Backend> backends;
  std::optional<BackendTls> tls;
  PoolHttp2 http2 = PoolHttp2::kOff;
  milliseconds connect_timeout{1000}, response_timeout{30'000}, idle_timeout{30'000};
  uint32_t idle_connections = 256;
  uint32_t retries = 2;
  std::optional<Retry> retry;
  uint64_t response_header_max = 64 << 10;  // bytes
  milliseconds processing_timeout{600'000};
  ProxyVersion proxy_protocol = ProxyVersion::kNone;
  HealthCheck health;
  bool operator==(const Pool&) const = default;

  bool has_ring() const {
    return balance == Balance::kMaglev || balance == Balance::kSourceHash || balance == Balance::kHash;
  }
  uint32_t ring_slots() const { return ring_size.value_or(ring_size_for(backends.size())); }
};

struct Cache {
  Place place;
  std::string name;
  uint64_t memory = 0, object_max = 1 << 20;  // bytes
  milliseconds stale_on_error{3'600'000};
  bool operator==(const Cache&) const = default;
};

enum class TlsVersion : uint8_t { k12, k13 };
enum class ClientCertificates : uint8_t { kRequired, kOptional };

struct ClientAuth {
  Place place;
  std::string authorities, revocations;  // PEM files; the second may be empty
  ClientCertificates mode = ClientCertificates::kRequired;
  bool operator==(const ClientAuth&) const = default;
};

struct Tls {
  Place place;
  std::vector<Certificate> certificates;
  TlsVersion version_min = TlsVersion::k12;
  std::optional<ClientAuth> client_auth;
  bool operator==(const Tls&) const = default;
};

// Of a header, a query parameter or a cookie: one of the four, or that it is there.
struct Condition {
  Place place;
  std::string name;
  std::optional<std::string> exact, prefix, regex;
  bool absent = false;
  bool operator==(const Condition&) const = default;
};

struct Match {
  std::vector<std::string> hosts;  // empty: any
  std::string path = "/";
  std::string path_exact, path_regex;  // in place of `path`
  std::vector<std::string> methods;    // empty: any
  std::vector<Condition> headers, query, cookies;
  std::vector<Prefix> clients;    // empty: any
  std::vector<std::string> alpn;  // of a tcp service; empty: any
  bool operator==(const Match&) const = default;

  // Beside host and path.
  bool asks_more() const {
    return !methods.empty() || !headers.empty() || !query.empty() || !cookies.empty() || !clients.empty() ||
           !alpn.empty();
  }
};

struct Share {
  Place place;
  std::string pool;
  uint32_t weight = 1;
  bool operator==(const Share&) const = default;
};

enum class SplitBy : uint8_t { kRequest, kClient };

struct Rewrite {
  Place place;
  std::string host, prefix, path;  // empty: as it came; of prefix and path one
  bool operator==(const Rewrite&) const = default;
};

enum class Scheme : uint8_t { kHttp, kHttps };

// What is left out stays as the client had it.
struct Redirect {
  Place place;
  uint16_t status = 301;
  std::optional<Scheme> scheme;
  std::string host;
  std::optional<uint16_t> port;
  std::string path, prefix;
  bool keep_query = true;
  bool operator==(const Redirect&) const = default;
};

struct Respond {
  Place place;
  uint16_t status = 200;
  std::string content_type = "text/plain; charset=utf-8", body;
  bool operator==(const Respond&) const = default;
};

struct Files {
  Place place;
  std::string root, prefix, index = "index.html", fallback;  // empty: none, the path as it is
  bool precompressed = false;
  std::optional<milliseconds> max_age;
  bool operator==(const Files&) const = default;
};

struct Route {
  Place place;
  std::string name;  // empty: "SERVICE[INDEX]"
  Match match;
  std::string pool;  // one of the five
  std::vector<Share> split;
  std::optional<Redirect> redirect;
  std::optional<Respond> respond;
  std::optional<Files> files;
  SplitBy split_by = SplitBy::kRequest;
  std::optional<Rewrite> rewrite;
  std::string cache;  // empty: nothing is cached
  settings::PoliciesT policies;  // its own: policies.h
  bool operator==(const Route&) const = default;

  bool answers() const { return redirect || respond || files; }  // without a backend
};

enum class Mode : uint8_t { kL4, kTcp, kHttp };
constexpr const char* name(Mode mode) {
  return mode == Mode::kHttp ? "http" : mode == Mode::kTcp ? "tcp" : "l4";
}
enum class Forward : uint8_t { kFullnat, kIpip };
enum class Transport : uint8_t { kKernel, kUserspace };

struct Listen {
  Endpoint endpoint;
  Protocol protocol = Protocol::kTcp;
  auto operator<=>(const Listen&) const = default;
};

struct FromProxies {
  Place place;
  std::vector<Prefix> from;  // whose connections begin with a header of the PROXY protocol
  bool operator==(const FromProxies&) const = default;
};

struct RequestId {
  Place place;
  std::string header = "X-Request-ID";
  bool answer = false;  // clients are told too
  bool operator==(const RequestId&) const = default;
};

enum class TraceRule : uint8_t { kPass, kContinue, kBegin };

struct Service {
  Place place;
  std::string name;
  Mode mode = Mode::kL4;
  std::vector<Listen> listen;
  Forward forward = Forward::kFullnat;  // kL4
  std::optional<Transport> transport;   // kTcp, kHttp; none: the host's
  std::string pool;                     // kHttp: one of the four for what no route matches, or none
  std::optional<Redirect> redirect;
  std::optional<Respond> respond;
  std::optional<Files> files;
  std::optional<Tls> tls;
  std::vector<Route> routes;
  uint32_t connections_max = 100'000;
  milliseconds request_timeout{10'000}, idle_timeout{60'000}, body_timeout{30'000};
  uint64_t header_max = 16 << 10, body_max = 0;  // bytes; 0: no limit
  uint64_t rate_min = 100;                       // bytes a second; 0: any
  milliseconds rate_window{30'000}, linger_timeout{300'000};
  uint32_t source_connections_max = 0;  // 0: no limit
  bool http2 = true;                    // kHttp
  std::optional<FromProxies> proxy_protocol;
  settings::PoliciesT policies;  // kHttp; of routes too, where they have none of their own
  std::optional<RequestId> request_id;
  TraceRule trace = TraceRule::kPass;
  uint32_t trace_sample = 100;  // percent
  std::vector<std::string> access_logs;  // empty: all; "none"
  bool operator==(const Service&) const = default;

  bool acts() const { return !pool.empty() || redirect || respond || files; }  // whatever its routes do
  // As commands, metrics and logs call it.
  std::string route_name(size_t index) const;
};

enum class LogMask : uint8_t { kQuery, kClient };

struct AccessLog {
  Place place;
  std::string name, to;
  std::string format = "json", when;  // no condition: every exchange
  uint32_t sample = 100;              // percent
  std::vector<LogMask> mask;
  uint64_t rotate_size = 0;  // bytes; 0: never
  uint32_t rotate_keep = 5;
  std::string facility = "local0";
  bool operator==(const AccessLog&) const = default;
};

// Databases that say where addresses are; files.
struct Geo {
  Place place;
  std::string countries, as_numbers;  // empty: none
  bool operator==(const Geo&) const = default;
};

// The processes of the web application firewall.
struct WafWorkers {
  Place place;
  uint32_t workers = 2, queue = 64;
  uint64_t memory = 512 << 20;  // bytes of each
  bool operator==(const WafWorkers&) const = default;
};

struct L7 {
  Place place;
  std::vector<uint16_t> shards;  // CPU numbers
  Transport transport = Transport::kKernel;
  std::string access_log;                                   // path, "stderr" or empty: none
  std::vector<AccessLog> access_logs;                       // beside that one
  uint64_t access_log_ring = 1 << 20, buffers = 256 << 20, compression = 128 << 20;  // bytes
  milliseconds drain_timeout{10'000}, hand_over_timeout{600'000};
  std::string ticket_keys;  // path; empty: none
  std::optional<Geo> geo;
  std::optional<WafWorkers> waf;
  bool operator==(const L7&) const = default;
};

struct Mgmt {
  Endpoint metrics{IpAddress::v4(0x7f000001), 9477};
  std::string api;        // empty: <run-dir>/api.sock
  std::string api_group;  // empty: the process's own group
  bool operator==(const Mgmt&) const = default;
};

struct Config {
  Cluster cluster;
  std::optional<Dataplane> dataplane;
  std::optional<L7> l7;
  std::vector<Cache> caches;
  std::vector<settings::RateLimitT> rate_limits;
  std::vector<Pool> pools;
  std::vector<Service> services;
  Mgmt mgmt;
  std::vector<std::string> files;  // the document and what it includes

  bool operator==(const Config& other) const {  // whatever files they came from
    return cluster == other.cluster && dataplane == other.dataplane && l7 == other.l7 && caches == other.caches &&
           rate_limits == other.rate_limits && pools == other.pools && services == other.services && mgmt == other.mgmt;
  }
};

// Its own word, or what its device can.
PortKernel kernel_of(const Port& port);
// Of a tcp or http service: its own word, or the host's.
Transport transport_of(const Config& config, const Service& service);
bool uses_own_tcp(const Config& config);  // any service, or towards backends

}  // namespace cardea::conf
