#include "l7/proxy/haproxy_state.h"

namespace cardea::l7::proxy {
namespace {

bool is_about_time(std::string_view reason) {
  return reason.ends_with("_timeout") || reason.ends_with("_stalled");
}

char whose(const Record& record) {
  const bool late = is_about_time(record.reason);
  switch (record.origin) {
    case Origin::kClient:
      return late ? 'c' : record.reason == word(Reason::kClientClosed) ? 'C' : 'P';
    case Origin::kBackend:
      return late ? 's' : 'S';
    default:
      break;
  }
  if (record.reason == word(Reason::kMemory) || record.reason == word(Reason::kLocalFailure)) return 'R';
  if (late) return 's';
  for (const Reason full : {Reason::kNoBackend, Reason::kBackendsBusy, Reason::kQueueFull})
    if (record.reason == word(full)) return 'S';
  return 'P';
}

char how_far(const Record& record) {
  if (record.method.empty()) return 'R';
  if (record.cut) return 'D';
  if (record.connected != Instant{}) return 'H';
  if (record.attempts != 0) return 'C';
  return record.queued.count() != 0 ? 'Q' : record.pool != nullptr ? 'C' : 'R';
}

}  // namespace

std::array<char, 4> haproxy_state(const Record& record) {
  if (record.reason == word(Reason::kOk)) return {'-', '-', '-', '-'};
  return {whose(record), how_far(record), '-', '-'};
}

}  // namespace cardea::l7::proxy
