// Whether a service's certificates are for the hosts that its routes are for: what clients of another host are shown,
// they refuse.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/finding.h"

namespace cardea::mgmt {

// What clients look for in it (RFC 6125 6.4.4): its alternative names, or where it has none its common name; in small
// letters.
std::vector<std::string> names_of(const X509* certificate);

// Warnings, one a route. `names`: of all the service's certificates; "*.shop.com" is for one label more, as clients see
// it. A wildcard of a route needs a name that some host below it can have. Addresses are nothing clients ask TLS for.
conf::Findings look_at_names(const conf::Service& service, const std::vector<std::string>& names);

}  // namespace cardea::mgmt
