// Rates from two answers of the API taken some time apart. A counter that went back belongs to a restarted process
// and counts from 0; a row that was not there before counts from 0 too.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace cardea::mgmt::cli {

struct L7Rate {
  uint64_t connections = 0;  // of services: clients', open now; of backends: exchanges under way
  double requests = 0, errors = 0, failures = 0, connects = 0;  // a second; errors: 5xx; failures: of services
                                                                // bad requests, of backends no usable answer
  double client_errors = 0;                                     // 4xx a second
  double bytes_in = 0, bytes_out = 0;                           // of services
  std::optional<double> mean_ms;                                // of what ended between the answers
};

struct Rate {
  std::string pool;    // of backends; of services and routes the pool they send to
  std::string name;    // the service, SERVICE/ROUTE, or the backend's address
  std::string state;   // of backends
  uint64_t flows = 0;  // of backends: live now
  double packets_in = 0, packets_out = 0, bytes_in = 0, bytes_out = 0, new_flows = 0;  // a second
  bool l4 = false;                                                                     // the dataplane counts it
  std::optional<L7Rate> l7 = {};                                                       // cardea-l7 counts it
};

// The rows of both answers' `list` ("services" and "routes", named by "name", or "backends", by "address"), busiest
// first (by packets and requests), equally busy ones in the order of the later answer.
std::vector<Rate> rates(const nlohmann::json& before, const nlohmann::json& after, const char* list, double seconds);

}  // namespace cardea::mgmt::cli
