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
  return {state_of(by_operator.order, healthy), by_operator.weight.value_or(backend.weight)};
}

}  // namespace cardea::mgmt
