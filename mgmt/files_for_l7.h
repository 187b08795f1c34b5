// The files and folders that a configuration names and cardea-l7 reads when it takes the plan, each with where it is named.
#pragma once

#include <string>
#include <vector>

#include "conf/config.h"

namespace cardea::mgmt {

struct FileForL7 {
  enum Kind { kPem, kTicketKeys, kNetworks, kUsers, kApiKeys, kKeySet, kPublicKey, kSecret, kPage, kFolder, kCountries, kAsNumbers };
  Kind kind;
  std::string name;
  conf::Place place;  // of the setting that names it
};

// Each once for each kind, by the first that names it: of services and their routes in their order, then of TLS. What
// cardea-l7 is not told of, as it is off, is left out.
std::vector<FileForL7> files_for_l7(const conf::Config& config);

}  // namespace cardea::mgmt
