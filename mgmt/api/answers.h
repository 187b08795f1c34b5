// The API's answers as JSON (mgmt/api/API.md), made of a View and of what the dataplane says. Nothing here changes or
// asks anything.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "mgmt/api/core_busy.h"
#include "mgmt/health/checker.h"
#include "mgmt/metrics/traffic.h"
#include "mgmt/publish.h"
#include "mgmt/site.h"

namespace cardea::mgmt::api {

struct Facts {  // beside the View; each belongs to the moment of the question
  std::vector<health::TargetStatus> health;
  std::map<std::string, Publisher::Link> links;  // by the process's name
  std::optional<std::string> dataplane_status;   // its own answer, JSON
  std::vector<CoreBusy> cores;
  std::string config_file;
  std::chrono::system_clock::time_point started_at;
};

std::string status_json(const View& view, const Facts& facts);
std::string services_json(const View& view, const metrics::Traffic& traffic);
std::string pools_json(const View& view);
std::string backends_json(const View& view, const std::vector<health::TargetStatus>& health,
                          const metrics::Traffic& traffic, const std::string& only_pool);
std::string order_json(const OrderEnding& ending, const View& view, const BackendRef& ref,
                       const std::vector<health::TargetStatus>& health, const metrics::Traffic& traffic);
std::string reload_json(const Reload& reload);
std::string version_json();
std::string error_json(const std::string& error, const std::string& hint);

}  // namespace cardea::mgmt::api
