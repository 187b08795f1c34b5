// Calls on a backend's shared connections: on the one that was made first and has room, so that those few that suffice
// are used and the others grow old.
#include "l7/upstream/shared.h"

#include <algorithm>

namespace cardea::l7::upstream {
namespace {

bool takes(const Shared& shared, std::string_view host) {
  return shared.connection().host == host && shared.room() != 0;
}

}  // namespace

bool Backend::has_room(std::string_view host) const {
  return std::ranges::any_of(shared, [host](const auto& it) { return takes(*it, host); });
}

Call* Backend::begin_call(std::string_view host, Place place) {
  const auto at = std::ranges::find_if(shared, [host](const auto& it) { return takes(*it, host); });
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
