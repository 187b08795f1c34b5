#include "mgmt/standing.h"

#include <array>

namespace cardea::mgmt {

namespace {
constexpr std::array<std::string_view, 3> kOrders{"ready", "drain", "maint"};
constexpr std::array<std::string_view, 4> kStates{"up", "down", "drain", "maint"};

State state_of(Order order, bool healthy) {
  if (order == Order::kMaint) return State::kMaint;
  if (!healthy) return State::kDown;
  return order == Order::kDrain ? State::kDrain : State::kUp;
}

bool may_be_forced(const Standing& one) {
  return one.state == State::kDown && !one.drained;
}
}  // namespace

std::string_view name(Order order) {
  return kOrders[size_t(order)];
}
std::string_view name(State state) {
  return kStates[size_t(state)];
}

std::optional<Order> order_of(std::string_view name) {
  for (size_t i = 0; i < kOrders.size(); ++i)
    if (kOrders[i] == name) return Order(i);
  return std::nullopt;
}

Standing judge(const conf::Backend& backend, const Override& by_operator, bool healthy) {
  return {state_of(by_operator.order, healthy), by_operator.weight.value_or(backend.weight),
          by_operator.order == Order::kDrain};
}

bool judge_together(const conf::Pool& pool, std::span<Standing> standings) {
  uint64_t up = 0, all = 0;
  bool others_serve = false;
  for (size_t i = 0; i < standings.size(); ++i) {
    const Standing& one = standings[i];
    if (one.state == State::kUp) up += one.weight;
    if (one.state == State::kUp || may_be_forced(one)) all += one.weight;
    others_serve |= !pool.backends[i].backup && one.ring_weight() > 0;
  }
  const bool panic = up * 100 < all * pool.panic_below;
  for (size_t i = 0; i < standings.size(); ++i) {
    standings[i].forced = panic && may_be_forced(standings[i]);
    standings[i].standby = !panic && pool.backends[i].backup && others_serve;
  }
  return panic;
}

}  // namespace cardea::mgmt
