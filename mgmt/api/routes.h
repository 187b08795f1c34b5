// What the API does for each request, without HTTP's own matters: a path's parameters in, a status and JSON out. Each
// call may wait (for the event loop, a process, the disk) and runs on one of the server's threads.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "mgmt/api/audit.h"
#include "mgmt/api/certificate_news.h"
#include "mgmt/api/core_busy.h"
#include "mgmt/api/json.h"
#include "mgmt/event_loop.h"
#include "mgmt/metrics/traffic.h"
#include "mgmt/site.h"

namespace cardea::mgmt::api {

struct Answer {
  int status = 200;
  std::string body;  // JSON
};

using Parameter = std::function<std::optional<std::string>(const char* name)>;  // of the query

class Routes {
 public:
  Routes(EventLoop& loop, Site& site) : loop_(loop), site_(site), started_at_(std::chrono::system_clock::now()) {}

  Answer status();
  Answer services();
  Answer routes(const Parameter& parameter);
  Answer pools();
  Answer backends(const Parameter& parameter);
  Answer certs();
  Answer cache();
  Answer limits();
  Answer unblock(const std::string& body);
  Answer exchanges(const Parameter& parameter);
  Answer tail(const Parameter& parameter);
  Answer connections(const Parameter& parameter);
  Answer purge(const std::string& body);
  Answer set_backend(const std::string& pool, const std::string& backend, const std::string& body);
  Answer reload();
  Answer flows(const Parameter& parameter);
  Answer explain(const Parameter& parameter);
  Answer version();

 private:
  View view();
  metrics::Traffic traffic() const;
  Answer ask(const Consumer& process, const Json& question);
  Answer explain_packet(const Parameter& parameter);
  Answer explain_request(const Parameter& parameter);
  std::optional<std::string> words_of_l7(const char* what);  // nothing while it is away
  std::optional<std::string> dataplane_status(std::vector<CoreBusy>& cores);

  EventLoop& loop_;
  Site& site_;
  std::chrono::system_clock::time_point started_at_;
  CoreWatch cores_;
  ToldCertificates told_;
};

// What was changed last, and by whom (audit.h).
Answer changes(const Audit& audit, const Parameter& parameter);

Answer error(int status, const std::string& message, const std::string& hint = {});

}  // namespace cardea::mgmt::api
