#include "l7/policy/random_key.h"

#include <openssl/rand.h>

#include "base/check.h"

namespace cardea::l7::policy {

HashKey random_key() {
  HashKey key;
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&key), sizeof key) == 1);
  return key;
}

}  // namespace cardea::l7::policy
