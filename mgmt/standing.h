// What a backend is worth to the ring: the file's weight, the operator's word and the health checks' word, judged into
// one state and one weight. Pure, and the only place where the three meet.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "conf/config.h"

namespace cardea::mgmt {

struct BackendRef {  // the operator's names: "web", "10.0.0.11:8080"
  std::string pool, backend;
  auto operator<=>(const BackendRef&) const = default;
};

enum class Order : uint8_t { kReady, kDrain, kMaint };  // what an operator asked for
std::string_view name(Order order);                     // "ready", "drain", "maint"
std::optional<Order> order_of(std::string_view name);

struct Override {  // what operators set beside the file
  Order order = Order::kReady;
  std::optional<uint32_t> weight;  // instead of the file's
  bool operator==(const Override&) const = default;
};

enum class State : uint8_t { kUp, kDown, kDrain, kMaint };
std::string_view name(State state);  // "up", "down", "drain", "maint"

struct Standing {
  State state = State::kUp;
  uint32_t weight = 0;  // as configured or overridden, whatever the state
  bool drained = false;  // by an operator, down or not
  bool standby = false;  // a backup that is not needed
  bool forced = false;   // down, and used all the same: its pool is in panic
  uint32_t ring_weight() const { return (state == State::kUp && !standby) || forced ? weight : 0; }
  // As processes are to see it.
  State used_state() const { return forced ? State::kUp : state; }
  bool operator==(const Standing&) const = default;
};

// maint beats everything; a dead backend is down even while it drains, because its flows are lost either way and should
// choose again.
Standing judge(const conf::Backend& backend, const Override& by_operator, bool healthy);
// What follows for each from how the others are: backups stand by while somebody else serves; in panic
// (pools[].panic_below) all are used that no operator holds back. Says whether it is.
bool judge_together(const conf::Pool& pool, std::span<Standing> standings);

}  // namespace cardea::mgmt
