#include "mgmt/api/l7_counts.h"

#include <array>
#include <string>

namespace cardea::mgmt::api {
namespace {

using metrics::Traffic;

// Rows that share the beginning of their name and their first labels (l7/plan/rows.h).
class Rows {
 public:
  Rows(const Traffic& traffic, std::string prefix, std::vector<Traffic::Label> labels)
      : traffic_(traffic), prefix_(std::move(prefix)), labels_(std::move(labels)) {}

  uint64_t count(const char* name, const char* label = nullptr, const char* value = nullptr) const {
    auto labels = labels_;
    if (label != nullptr) labels.emplace_back(label, value);
    return traffic_.value(prefix_ + name, std::move(labels)).value_or(0);
  }

  Json responses() const {
    Json counts = Json::object();
    for (const char* one : {"1xx", "2xx", "3xx", "4xx", "5xx"})
      counts[one] = count("responses_total", "code_class", one);
    return counts;
  }

  // Sum and count, so that a reader of two answers knows the mean between them.
  void add_duration(Json& object, const char* name) const {
    const auto observed = traffic_.row(prefix_ + name, labels_).value_or(Traffic::Counted{});
    object["durations"] = observed.count;
    object["duration_ms_total"] = double(observed.sum) / 1000;
    object["duration_ms_mean"] =
        observed.count == 0 ? Json(nullptr) : Json(double(observed.sum) / 1000 / double(observed.count));
  }

 private:
  const Traffic& traffic_;
  std::string prefix_;
  std::vector<Traffic::Label> labels_;
};

}  // namespace

Json l7_of_service(const Traffic& traffic, std::string_view service) {
  const Rows rows(traffic, "cardea_l7_service_", {{"service", service}});
  Json object{{"connections", rows.count("connections")},
              {"connections_total", rows.count("connections_total")},
              {"connections_refused", rows.count("connections_refused_total")},
              {"tls_handshakes", rows.count("tls_handshakes_total")},
              {"tls_resumed", rows.count("tls_resumed_total")},
              {"tls_failures", rows.count("tls_failures_total")},
              {"requests", rows.count("requests_total")},
              {"bad_requests", rows.count("bad_requests_total")},
              {"responses", rows.responses()},
              {"bytes_in", rows.count("bytes_total", "direction", "in")},
              {"bytes_out", rows.count("bytes_total", "direction", "out")}};
  rows.add_duration(object, "request_duration_microseconds");
  return object;
}

Json l7_of_route(const Traffic& traffic, std::string_view service, std::string_view route) {
  const Rows rows(traffic, "cardea_l7_route_", {{"service", service}, {"route", route}});
  Json object{{"requests", rows.count("requests_total")}, {"responses", rows.responses()}};
  rows.add_duration(object, "request_duration_microseconds");
  return object;
}

Json l7_of_backend(const Traffic& traffic, std::string_view pool, std::string_view backend) {
  const Rows rows(traffic, "cardea_l7_backend_", {{"pool", pool}, {"backend", backend}});
  Json object{{"connections", rows.count("connections")},
              {"requests", rows.count("requests_total")},
              {"responses", rows.responses()},
              {"connects", rows.count("connects_total")},
              {"reused", rows.count("reused_total")},
              {"connect_failures", rows.count("connect_failures_total")},
              {"failures", rows.count("failures_total")},
              {"retries", rows.count("retries_total")},
              {"ejected", rows.count("ejected") != 0},
              {"ejections", rows.count("ejections_total", "cause", "errors") +
                                rows.count("ejections_total", "cause", "gateway_errors")}};
  rows.add_duration(object, "response_duration_microseconds");
  return object;
}

Json l7_of_cache(const Traffic& traffic, std::string_view cache) {
  const Rows rows(traffic, "cardea_l7_cache_", {{"cache", cache}});
  Json object = Json::object();
  for (const auto& [field, result] : {std::pair("hits", "hit"),
                                      {"misses", "miss"},
                                      {"stale", "stale"},
                                      {"revalidated", "revalidated"},
                                      {"bypassed", "bypass"}})
    object[field] = rows.count("requests_total", "result", result);
  object["refused"] = rows.count("refused_total");
  return object;
}

}  // namespace cardea::mgmt::api
