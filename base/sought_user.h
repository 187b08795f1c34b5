// A user of this host who may not be there yet: a package that brings him is installed when it is installed. Until he is
// there he is looked up anew, now and then; once known he stays who he is. Looking up may block (NSS), so whoever may not
// wait only asks.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace cardea {

class SoughtUser {
 public:
  static constexpr std::chrono::seconds kPause{5};  // between two looks
  using LookUp = std::function<std::optional<uid_t>(const std::string&)>;

  explicit SoughtUser(std::string name);
  SoughtUser(std::string name, LookUp look_up) : name_(std::move(name)), look_up_(std::move(look_up)) {}

  void seek(Instant now);
  std::optional<uid_t> known() const;  // any thread

 private:
  const std::string name_;
  const LookUp look_up_;
  std::mutex seeking_;
  Instant again_{};
  std::atomic<int64_t> user_{-1};  // -1: nobody yet
};

}  // namespace cardea
