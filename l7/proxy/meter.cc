#include "l7/proxy/meter.h"

#include <utility>

#include "l7/policy/rate_limit.h"

namespace cardea::l7::proxy {
namespace {

// How many more there are; an attempt that is made again begins to count anew, and is not charged for the same twice.
uint64_t newly(uint64_t& metered, uint64_t now) {
  if (now <= metered) return 0;
  return now - std::exchange(metered, now);
}

void charge(Exchange& x, const Meter& meter, policy::RateTable* table, const policy::ByteRate& rate, uint64_t bytes) {
  if (table == nullptr || bytes == 0) return;
  if (!table->charge(meter.key, rate.share(bytes), x.now().time_since_epoch())) count(x.shard(), meter.limit->rows.unknown);
}

}  // namespace

void charge_meters(Exchange& x, uint64_t in, uint64_t out) {
  const uint64_t more_in = newly(x.metered_in, in), more_out = newly(x.metered_out, out);
  for (const Meter* one = x.meters; one != nullptr; one = one->next) {
    charge(x, *one, one->limit->request_table.get(), one->limit->request_rate, more_in);
    charge(x, *one, one->limit->response_table.get(), one->limit->response_rate, more_out);
  }
}

}  // namespace cardea::l7::proxy
