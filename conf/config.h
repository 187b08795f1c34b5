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

struct Port {
  Place place;
  std::string name, device;
  std::vector<Prefix> addresses;
  std::vector<IpAddress> gateways;  // at most one a family
  uint16_t mtu = 1500;
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

struct Dataplane {
  Place place;
  std::vector<uint16_t> workers;  // CPU numbers
  uint64_t flows = 1'000'000;
  Poll poll = Poll::kAdaptive;
  Checksums checksums = Checksums::kHeaders;
  Nat nat;
  FlowTimeouts timeouts;
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
  uint32_t weight = 1;  // 0: no new flows
  bool operator==(const Backend&) const = default;
};

enum class Balance : uint8_t { kMaglev };

struct Pool {
  Place place;
  std::string name;
  Balance balance = Balance::kMaglev;
  uint32_t ring_size = 65'537;
  std::vector<Backend> backends;
  HealthCheck health;
  bool operator==(const Pool&) const = default;
};

enum class Mode : uint8_t { kL4 };
enum class Forward : uint8_t { kFullnat, kIpip };

struct Listen {
  Endpoint endpoint;
  Protocol protocol = Protocol::kTcp;
  auto operator<=>(const Listen&) const = default;
};

struct Service {
  Place place;
  std::string name;
  Mode mode = Mode::kL4;
  std::vector<Listen> listen;
  Forward forward = Forward::kFullnat;
  std::string pool;
  bool operator==(const Service&) const = default;
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
  std::vector<Pool> pools;
  std::vector<Service> services;
  Mgmt mgmt;
  std::vector<std::string> files;  // the document and what it includes

  bool operator==(const Config& other) const {  // whatever files they came from
    return cluster == other.cluster && dataplane == other.dataplane && pools == other.pools &&
           services == other.services && mgmt == other.mgmt;
  }
};

}  // namespace cardea::conf
