#include "l7/waf/presets.h"

namespace cardea::l7::waf {

std::vector<std::string> core_rules() {
  return {"/etc/modsecurity/crs/crs-setup.conf", "/etc/modsecurity/crs/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf",
          "/usr/share/modsecurity-crs/rules/*.conf", "/etc/modsecurity/crs/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf"};
}

const std::vector<Variable>& api_variables() {
  static const std::vector<Variable> variables = {
      {"allowed_methods", "GET HEAD POST OPTIONS PUT PATCH DELETE"},
      {"allowed_request_content_type",
       "|application/x-www-form-urlencoded| |multipart/form-data| |multipart/related| |text/xml| |application/xml| "
       "|application/soap+xml| |application/json| |application/cloudevents+json| |application/cloudevents-batch+json| "
       "|application/problem+json| |application/merge-patch+json| |application/json-patch+json| "
       "|application/vnd.api+json| |application/ld+json| |application/octet-stream|"},
  };
  return variables;
}

}  // namespace cardea::l7::waf
