#include "l7/proxy/limit_key.h"

#include "l7/policy/random_key.h"

namespace cardea::l7::proxy {

HashKey limit_key() {
  static const HashKey key = policy::random_key();
  return key;
}

}  // namespace cardea::l7::proxy
