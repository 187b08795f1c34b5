#include "l7/control/door_attachment.h"

#include <algorithm>
#include <utility>

#include "base/l7_door_return.h"
#include "base/log.h"
#include "l7/door/attached_door.h"

namespace cardea::l7 {
namespace {
using namespace std::chrono_literals;
constexpr auto kAskAgain = 200ms;
}  // namespace

std::chrono::milliseconds DoorAttachment::looks_again(std::chrono::milliseconds otherwise) const {
  return wanted_ && !door_ ? std::min<std::chrono::milliseconds>(otherwise, kAskAgain) : otherwise;
}

void DoorAttachment::tend(Running& running, Instant now) {
  if (of_ && of_ != &running) lose(running, "other shards run now", now);
  of_ = &running;
  wanted_ = wanted_ || running.plan().needs_door();
  if (!wanted_) return;
  if (door_ && door_->broken) lose(running, "what it says does not add up", now);
  if (!socket_ && now >= ask_at_) ask(now);
  if (socket_) listen(running, now);
}

void DoorAttachment::ask(Instant now) {
  ask_at_ = now + kAskAgain;
  auto socket = control::connect(path_);
  if (!socket) return complain(socket.error().message);
  const DoorRequest request{.shards = uint32_t(of_->shards().size())};
  if (auto asked = ask_for_door(socket->get(), request); !asked) return complain(asked.error().message);
  socket_ = std::move(*socket);
}

void DoorAttachment::listen(Running& running, Instant now) {
  auto handover = receive_door(socket_.get());
  if (!handover) {
    if (handover.error().retry != Retry::kSafe) lose(running, handover.error().message, now);
    return;
  }
  if (door_) return lose(running, "it was handed over twice", now);
  auto taken = door::AttachedDoor::take(std::move(*handover), uint32_t(running.shards().size()));
  if (!taken) return lose(running, taken.error().message, now);
  door_ = std::move(*taken);
  complained_.clear();
  running.attach(door_);
  log::info("the door to the dataplane is attached: {} workers, instance {}", door_->memory.shape().workers,
            door_->instance);
}

void DoorAttachment::lose(Running& running, const std::string& why, Instant now) {
  if (door_) say_that_it_comes_back(socket_.get());
  socket_.close();
  ask_at_ = now + kAskAgain;
  if (std::exchange(door_, nullptr)) {
    running.attach(nullptr);
    log::warning("the door to the dataplane is lost: {}; connections wait for another", why);
  } else {
    complain(why);
  }
}

void DoorAttachment::complain(const std::string& why) {
  if (std::exchange(complained_, why) != why) log::warning("no door to the dataplane yet: {}", why);
}

}  // namespace cardea::l7
