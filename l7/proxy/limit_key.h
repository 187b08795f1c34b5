// What limits hash their keys by: of this process alone, so that nobody outside can choose keys that share a bucket, nor tell
// what a shown hash is of.
#pragma once

#include "base/flow_hash.h"

namespace cardea::l7::proxy {

HashKey limit_key();

}  // namespace cardea::l7::proxy
