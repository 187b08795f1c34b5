// The API's answers as JSON (mgmt/api/API.md), made of a View and of what the processes say. Nothing here changes or
// asks anything.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "mgmt/api/core_busy.h"
#include "mgmt/api/json.h"
#include "mgmt/health/checker.h"
#include "mgmt/metrics/losses.h"
#include "mgmt/metrics/traffic.h"
#include "mgmt/plan_link.h"
#include "mgmt/site.h"

namespace cardea::mgmt::api {

struct Facts {  // beside the View; each belongs to the moment of the question
  std::vector<health::TargetStatus> health;
  std::map<std::string, PlanLink::Peer> links;                      // by the process's name
  std::optional<std::string> dataplane_status, l7_status, l7_certs;  // their own answers, JSON
  std::vector<CoreBusy> cores;
  std::vector<metrics::Loss> losses;
  std::string config_file;
  std::chrono::system_clock::time_point started_at;
};

std::string status_json(const View& view, const Facts& facts);
std::string services_json(const View& view, const metrics::Traffic& traffic);
// An http service, or a tcp service that passes TLS through by its routes.
bool is_routed(const conf::Service& service);
std::string routes_json(const View& view, const metrics::Traffic& traffic, const std::string& only_service);
std::string pools_json(const View& view, const metrics::Traffic& traffic);
std::string backends_json(const View& view, const std::vector<health::TargetStatus>& health,
                          const metrics::Traffic& traffic, const std::string& only_pool);
std::string order_json(const OrderEnding& ending, const View& view, const BackendRef& ref,
                       const std::vector<health::TargetStatus>& health, const metrics::Traffic& traffic);
// Of cardea-l7's answers to the questions of the same names.
std::string certs_json(const std::string& l7_answer, std::chrono::system_clock::time_point now);
Json certificates_due(const std::string& l7_answer, std::chrono::system_clock::time_point now);  // those with a warning
std::string cache_json(const std::string& l7_answer, const metrics::Traffic& traffic);
// With whom the runtime state knows to be blocked, who is free next first.
std::string limits_json(const std::string& l7_answer, const Runtime& runtime, std::chrono::system_clock::time_point now, Json away);
std::string reload_json(const Reload& reload);
std::string version_json();
std::string error_json(const std::string& error, const std::string& hint);

}  // namespace cardea::mgmt::api
