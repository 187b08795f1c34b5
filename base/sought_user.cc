#include "base/sought_user.h"

#include <utility>

#include "base/peer_credentials.h"

namespace cardea {

SoughtUser::SoughtUser(std::string name) : SoughtUser(std::move(name), user_named) {}

void SoughtUser::seek(Instant now) {
  const std::scoped_lock lock(seeking_);
  if (user_ >= 0 || now < again_) return;
  again_ = now + kPause;
  if (const auto found = look_up_(name_)) user_ = int64_t(*found);
}

std::optional<uid_t> SoughtUser::known() const {
  const int64_t user = user_;
  return user < 0 ? std::nullopt : std::optional(uid_t(user));
}

}  // namespace cardea
