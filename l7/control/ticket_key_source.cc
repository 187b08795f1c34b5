#include "l7/control/ticket_key_source.h"

#include <chrono>
#include <utility>

#include "base/log.h"

namespace cardea::l7 {
namespace {
using namespace std::chrono_literals;
using Keys = std::shared_ptr<const tls::TicketKeys>;
constexpr auto kLife = 8h;
constexpr auto kLookAgain = 5s;
}  // namespace

Result<Keys> TicketKeySource::adopt(const std::string& path, Instant now) {
  const FileIdentity file = path.empty() ? FileIdentity() : FileIdentity::of(path);
  if (keys_ && path == path_ && file == file_) return nullptr;
  auto keys = path.empty() ? tls::TicketKeys::create() : tls::TicketKeys::read(path);
  if (!keys) return keys;
  keys_ = *keys;
  path_ = path;
  file_ = file;
  made_ = looked_ = now;
  return keys;
}

Keys TicketKeySource::tick(Instant now) {
  return path_.empty() ? rotate(now) : reread(now);
}

Keys TicketKeySource::rotate(Instant now) {
  if (now - made_ < kLife) return nullptr;
  made_ = now;
  auto keys = keys_->rotated();
  if (!keys) {
    log::warning("the keys of session tickets could not be changed: {}", keys.error().message);
    return nullptr;
  }
  return keys_ = std::move(*keys);
}

Keys TicketKeySource::reread(Instant now) {
  if (now - looked_ < kLookAgain) return nullptr;
  looked_ = now;
  const FileIdentity file = FileIdentity::of(path_);
  if (file == file_ || file == bad_) return nullptr;
  auto keys = tls::TicketKeys::read(path_);
  if (!keys) {
    bad_ = file;
    log::warning("{}; the keys that were read before are used", keys.error().message);
    return nullptr;
  }
  file_ = file;
  log::info("ticket keys {} have changed: tickets are sealed with its first key from now on", path_);
  return keys_ = std::move(*keys);
}

}  // namespace cardea::l7
