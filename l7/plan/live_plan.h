// The plan as the shards run it: what plan.fbs says, verified and turned into values that need no further check. Built
// by the control thread, shared by all shards, never changed. Pools are values of their own, because their backends'
// states change more often than plans do: an update replaces a pool and nothing else.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/flow_hash.h"
#include "base/ip.h"
#include "base/proxy_header.h"
#include "l7/http/header_id.h"
#include "l7/plan/host_counts.h"
#include "l7/plan/log_plan.h"
#include "l7/plan/rows.h"
#include "l7/policy/policies.h"
#include "l7/route/action.h"
#include "l7/route/table.h"
#include "l7/runtime/pace.h"
#include "l7/tls/certificate.h"
#include "l7/tls/client_trust.h"

namespace cardea::l7 {

namespace cache {
class Cache;
}
struct RowSet;  // row_book.h: as long as it is held, the rows beside it are this part's

using std::chrono::milliseconds;

enum class Mode : uint8_t { kTcp, kHttp };
enum class Balance : uint8_t { kMaglev, kRoundRobin, kLeastConn, kRandom, kP2c, kSourceHash, kHash };
// Whether it goes by the plan's ring; else by the order of turns, or the backends alone.
constexpr bool has_ring(Balance by) {
  return by == Balance::kMaglev || by == Balance::kSourceHash || by == Balance::kHash;
}
enum class HashOn : uint8_t { kClient, kUri, kHeader, kCookie };
enum class BackendState : uint8_t { kUp, kDown, kDrain, kMaint };

struct BackendPlan {
  std::string name;  // "10.0.0.11:8080", unique in its pool
  Endpoint endpoint;
  uint32_t weight = 1;
  BackendState state = BackendState::kUp;
  uint32_t connections_max = 0;  // of this host; 0: no limit
  bool standby = false;          // a backup that is not needed
  std::string sticky;            // the cookie's value of clients that stay with it
  std::shared_ptr<BackendCounts> host = std::make_shared<BackendCounts>();
  BackendRows rows;

  bool serves() const { return state == BackendState::kUp && weight > 0; }  // gets new work, if not standby
};

struct EjectionPlan {
  uint32_t errors = 0, gateway_errors = 0;  // in a row; 0: never
  milliseconds time{10'000}, time_max{300'000};
  uint32_t share_max = 34;  // percent
  bool used() const { return errors != 0 || gateway_errors != 0; }
};

struct BackendTlsPlan {
  std::string server_name;  // empty: the request's host
  bool verify = true;
  std::string authorities;  // PEM file; empty: the system's
  std::shared_ptr<const tls::Certificate> certificate;  // shown to those that ask; null: none
  bool operator==(const BackendTlsPlan&) const = default;
};

// Balance::kHash: by what, and how much of its share a backend may have under way.
struct HashPlan {
  HashOn on = HashOn::kClient;
  std::string name;  // of a header or a cookie
  http::HeaderId id = http::HeaderId::kOther;
  uint32_t load_max = 125;  // percent
};

// Which failed attempts are made again elsewhere, beyond those that are always safe to, and how many.
struct RetryPlan {
  std::vector<uint16_t> statuses;  // of answers
  bool timeouts = false, bad_responses = false;
  bool unsafe_methods = false;
  uint32_t budget = 20;            // percent of the requests; 0: any number
  milliseconds attempt_timeout{0};  // while another attempt may follow; 0: response_timeout

  bool wants_other(uint16_t status) const { return std::ranges::find(statuses, status) != statuses.end(); }
};

// To backends: never; where TLS's ALPN offers it and the backend takes it; always.
enum class Http2 : uint8_t { kOff, kTls, kPriorKnowledge };

struct PoolPlan {
  std::string name;
  Balance balance = Balance::kMaglev;
  HashPlan hash;
  bool panic = false;  // too few are up: those that are down are here as up
  milliseconds slow_start{0};
  EjectionPlan ejection;
  std::string sticky_cookie;                                 // empty: none
  std::unordered_map<std::string_view, uint16_t> by_sticky;  // the cookie's value → index in backends, which it views
  uint32_t queue_length = 0;                                 // of this host; 0: none waits
  milliseconds queue_timeout{5'000};
  std::shared_ptr<PoolCounts> host = std::make_shared<PoolCounts>();
  std::vector<BackendPlan> backends;
  std::vector<uint16_t> ring;  // slot → index in backends, 0xffff when none can serve; else the order of turns
  std::shared_ptr<HostTurn> turn = std::make_shared<HostTurn>();
  std::optional<BackendTlsPlan> tls;
  Http2 http2 = Http2::kOff;
  milliseconds connect_timeout{1000}, response_timeout{30'000}, idle_timeout{30'000};
  uint32_t idle_max = 256;  // pooled connections of this host to a backend
  uint32_t retries = 2;
  RetryPlan retry;
  uint32_t response_header_bytes_max = 65'536;
  milliseconds processing_timeout{600'000};  // as response_timeout, while the backend goes on sending 102
  ProxyVersion proxy_header = ProxyVersion::kNone;  // that begins each connection
  PoolRows rows;
  std::shared_ptr<const RowSet> row_set;
};

struct RoutePlan {
  std::string name;
  route::Action action;
  std::shared_ptr<const policy::Policies> policies = policy::Policies::none();
  RouteRows rows;
  std::optional<Pattern> groups;  // its path's expression, for what is made of its groups

  const Pattern* pattern() const { return groups ? &*groups : nullptr; }
  const route::Proxy* proxy() const { return std::get_if<route::Proxy>(&action); }  // null: it is answered here
};

// Under which name a backend is told an exchange's id.
struct IdPlan {
  std::string header = "X-Request-ID";
  bool answers = false;  // the client is told too
};

struct TracePlan {
  // The client's goes on as it is; the same, and one begins where it has none; one begins whatever it says.
  enum class Rule : uint8_t { kPass, kContinue, kBegin };
  Rule rule = Rule::kPass;
  uint32_t sampled = 1'000'000;  // of a million that begin here
};

struct ServicePlan {
  std::string name;
  Mode mode = Mode::kHttp;
  std::vector<Endpoint> listen;
  std::vector<std::shared_ptr<const tls::Certificate>> certificates;  // empty: no TLS
  uint16_t tls_version_min = 0x0303;
  std::shared_ptr<const tls::ClientTrust> client_trust;  // null: clients are not asked for certificates
  std::vector<RoutePlan> routes;  // in the order of `table`'s rows; kTcp: TLS is passed through by them
  route::Table table;
  uint32_t pool = 0;  // kTcp without routes
  uint32_t connections_max = 100'000;  // of this host
  std::shared_ptr<HostCount> connections = std::make_shared<HostCount>();
  milliseconds request_timeout{10'000}, idle_timeout{60'000}, body_timeout{30'000};
  uint32_t header_bytes_max = 16'384;
  uint64_t body_bytes_max = 0;  // 0: no limit
  uint32_t rate_min = 100;      // bytes a second of a client that is waited for; 0: any
  milliseconds rate_window{30'000}, linger_timeout{300'000};
  uint32_t source_connections_max = 0;  // of one client's address on this host; 0: no limit
  bool http2 = false;                   // kHttp: for clients that want it
  bool userspace = false;               // clients are spoken to by our own TCP
  std::vector<Prefix> proxy_from;       // whose connections begin with a header of the PROXY protocol
  std::shared_ptr<const policy::Policies> policies = policy::Policies::none();  // of what no route matches
  std::shared_ptr<const policy::Geo> geo;  // null: nobody knows where clients are
  IdPlan id;
  TracePlan trace;
  std::vector<std::shared_ptr<const LogPlan>> logs;  // that its exchanges go to
  ServiceRows rows;
  std::shared_ptr<const RowSet> row_set;

  bool has_tls() const { return !certificates.empty(); }
  bool passes_tls() const { return mode == Mode::kTcp && !routes.empty(); }
  // What this peer says of whom it carries is believed, and has to be said.
  bool expects_proxy_header(const IpAddress& peer) const;
  // Of a client that sends a body or takes a response.
  PaceLimits client_pace() const { return {body_timeout, rate_min, rate_window}; }
};

struct CachePlan {
  struct Limits {
    uint64_t memory = 0, object = 0;  // bytes
    uint32_t stale_on_error = 0;      // seconds
  };
  std::string name;
  Limits limits;  // set when the plan is adopted
  std::shared_ptr<cache::Cache> cache;  // the same object as long as the cache stays in the plan
  CacheRows rows;
  std::shared_ptr<const RowSet> row_set;
};

struct PlanSettings {
  std::vector<uint16_t> cpus;  // one shard each
  uint32_t access_log_ring_bytes = 1 << 20;
  uint64_t buffer_bytes_max = 256 << 20;  // of all shards together
  uint64_t compression_bytes_max = 128 << 20;  // likewise, of compressors
  milliseconds drain_timeout{10'000}, hand_over_timeout{600'000};
  std::string ticket_keys;  // file; empty: they are made here
  bool userspace = false;  // backends behind a port of the dataplane are spoken to by our own TCP
  std::vector<IpAddress> port_addresses;  // of the dataplane's ports; empty: not known
};

// What cardea-waf is told; without sets of rules, nothing.
struct WafPlan {
  uint32_t workers = 2, queue = 64;
  uint64_t memory_max = 0;
  std::vector<std::vector<std::string>> sets;  // of rule files
};

struct LivePlan {
  // Our own TCP is spoken to somebody, and how many clients may come by it.
  bool needs_door() const;
  uint64_t connections_at_door() const;

  uint64_t generation = 0;
  std::string cluster;
  HashKey hash_key;
  uint32_t shards = 1;
  PlanSettings settings;
  std::vector<std::shared_ptr<const PoolPlan>> pools;
  std::vector<CachePlan> caches;
  policy::RateLimits rate_limits;
  std::vector<std::shared_ptr<const LogPlan>> logs;
  std::shared_ptr<const policy::Geo> geo;  // null: no database was named
  WafPlan waf;
  std::vector<std::shared_ptr<const ServicePlan>> services;
};

}  // namespace cardea::l7
