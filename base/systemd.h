// What a process tells the service manager that started it (Type=notify), by sd_notify(3)'s protocol: a datagram of
// lines to a socket that the environment names. Written here because libsystemd would bring its own libraries into
// processes that hold keys and cards; without a service manager nothing is told to nobody.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace cardea::systemd {

// From now on it counts as started, and the watchdog's time runs. `status` is the line that `systemctl status` shows.
void ready(std::string_view status);
void status(std::string_view status);
void stopping();
// Another process of this service is its main one from now on.
void succeeded_by(pid_t pid);

// What this process knows of the service manager, in lines of NAME=value, and that of another process of its service.
std::string known();
void know(std::string_view lines);

// WatchdogSec=: a process that does not feed it in time is killed and started anew. Whoever has threads feeds it only
// when all of them went on since the last time.
class Watchdog {
 public:
  // By what the service manager left in the environment; a watchdog for another process is none.
  Watchdog();
  explicit Watchdog(std::chrono::microseconds timeout) : pause_(timeout / 4) {}

  std::chrono::nanoseconds pause() const { return pause_; }  // between two feedings; zero: nobody watches
  bool due(Instant now) const { return pause_ > pause_.zero() && now - fed_ >= pause_; }
  void feed(Instant now);

 private:
  std::chrono::nanoseconds pause_{};
  Instant fed_{};
};

}  // namespace cardea::systemd
