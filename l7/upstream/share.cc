// Calls on a backend's shared connections: on the one that was made first and has room, so that those few that suffice
// are used and the others grow old.
#include "l7/upstream/shared.h"

#include <algorithm>

namespace cardea::l7::upstream {
namespace {

bool takes(const Shared& shared, std::string_view host, Use use) {
  const bool for_it = use != Use::kWebsocket || shared.takes_websockets();
  return for_it && shared.connection().host == host && shared.room() != 0;
}

}  // namespace

bool Backend::has_room(std::string_view host, Use use) const {
  return std::ranges::any_of(shared, [host, use](const auto& it) { return takes(*it, host, use); });
}

bool Backend::shares(Use use) const {
  if (pool->http2 == Http2::kOff || speaks_http1) return false;
  return use == Use::kRequest || (use == Use::kWebsocket && !refuses_websockets);
}

Call* Backend::begin_call(std::string_view host, Place place, Use use) {
  const auto at = std::ranges::find_if(shared, [host, use](const auto& it) { return takes(*it, host, use); });
  return at == shared.end() ? nullptr : new Call(*at, std::move(place));
}

std::shared_ptr<Dialling> Backend::joinable(std::string_view host) const {
  const uint32_t most = calls_each != 0 ? calls_each : http2::Client::kCallsMax;
  const auto at = std::ranges::find_if(
      dialling, [host, most](const auto& it) { return it->host == host && it->expected < most; });
  return at == dialling.end() ? nullptr : *at;
}

void Backend::end_shared() {
  while (!shared.empty()) std::shared_ptr<Shared>(shared.back())->retire();
}

}  // namespace cardea::l7::upstream
