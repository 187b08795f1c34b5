#include "l7/route/action.h"

namespace cardea::l7::route {

uint64_t Proxy::weights() const {
  uint64_t sum = 0;
  for (const Share& one : shares) sum += one.weight;
  return sum;
}

const Share& Proxy::share(uint64_t number) const {
  if (shares.size() == 1) return shares.front();
  auto left = uint64_t(static_cast<unsigned __int128>(number) * weights() >> 64);
  for (const Share& one : shares) {
    if (left < one.weight) return one;
    left -= one.weight;
  }
  return shares.front();
}

uint64_t client_number(HashKey key, const IpAddress& client) {
  flow_hash_detail::Sip sip(key);
  sip.add(1);
  sip.add(load_native<uint64_t>(client.bytes.data()));
  if (client.is_v4()) sip.add(load_native<uint64_t>(client.bytes.data() + 8));
  return sip.finish();
}

uint64_t request_number(HashKey key, uint64_t id) {
  flow_hash_detail::Sip sip(key);
  sip.add(2);
  sip.add(id);
  return sip.finish();
}

}  // namespace cardea::l7::route
