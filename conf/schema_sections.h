// The sections of the document that have a file of rows of their own.
#pragma once

#include "base/start_settings.h"
#include "conf/schema.h"

namespace cardea::conf {

const Section& dataplane_section();  // schema_dataplane.cc
const Section& access_log_section();
const Section& l7_section();
Form<Transport> transport_words();         // schema_l7.cc
const Section& geo_section();        // schema_l7.cc
const Section& cache_section();      // schema_l7.cc
const Section& pool_section();       // schema_pools.cc
std::vector<Row> choosing_rows();    // schema_choosing.cc: of a pool
const Section& service_section();    // schema_services.cc
const Section& tls_section();        // schema_routes.cc
const Section& certificate_section();  // schema_routes.cc
const Section& route_section();      // schema_routes.cc
const Section& redirect_section();   // schema_actions.cc
const Section& respond_section();    // schema_actions.cc
const Section& files_section();      // schema_actions.cc
const char* how_paths_are_made();    // schema_actions.cc
const std::vector<Row>& policy_rows();          // schema_policies.cc: of settings::PoliciesT, services' and routes'
const Section& rate_limit_section();            // schema_protection.cc
const Section& access_section();                // schema_protection.cc
const Section& cors_section();                  // schema_protection.cc
const Section& basic_auth_section();            // schema_protection.cc
const Section& jwt_section();                   // schema_identity.cc
const Section& api_keys_section();              // schema_identity.cc
const Section& forward_auth_section();          // schema_forward_auth.cc
const Section& waf_section();                   // schema_waf.cc
const Section& mirror_section();                // schema_mirror.cc
const char* how_requests_are_copied();          // schema_mirror.cc
const Section& request_buffering_section();     // schema_request_buffering.cc
const char* how_requests_are_buffered();        // schema_request_buffering.cc
const Section& waf_workers_section();           // schema_waf.cc
const char* how_requests_are_inspected();       // schema_waf.cc
const char* how_services_are_asked();           // schema_forward_auth.cc
const char* how_tokens_are_verified();          // schema_identity.cc
const std::vector<Row>& service_policy_rows();  // schema_policies.cc: those that are a service's alone

// A section whose objects hold policies has their rows behind its own.
template <typename Owner>
std::vector<Row> with_policies(std::vector<Row> rows) {
  for (const Row& row : policy_rows()) rows.push_back(within(&Owner::policies, row));
  return rows;
}

// Of the setting with this path; what only a restart can change stands in base/start_settings.h.
inline Restart restart_of(std::string_view path) {
  switch (who_starts_with(path)) {
    case StartsWith::kNothing:
      return Restart::kNone;
    case StartsWith::kDataplane:
      return Restart::kDataplane;
    case StartsWith::kL7:
      return Restart::kL7;
  }
  return Restart::kNone;
}

}  // namespace cardea::conf
