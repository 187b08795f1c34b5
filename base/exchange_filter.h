// Which exchanges somebody wants to see: comparisons of fields, joined by &&, || and !, in parentheses where need be:
//   status >= 500 && route =~ "api.*" || t_total_ms > 2s
// Read once; asked for each exchange without allocating. What is not there is equal to nothing and different from all.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/exchange_field.h"
#include "base/pattern.h"

namespace cardea {

inline constexpr size_t kFilterBytesMax = 1024, kFilterNodesMax = 128, kFilterDepthMax = 32;

class ExchangeFilter {
 public:
  enum class Operator : uint8_t { kAnd, kOr, kNot, kEqual, kUnequal, kLess, kAtMost, kMore, kAtLeast, kLike, kUnlike };

  // Of the last node, which the others lead up to.
  struct Node {
    Operator is = Operator::kAnd;
    uint16_t left = 0, right = 0;  // kAnd, kOr; kNot: left
    ExchangeField field{};
    FieldKind kind = FieldKind::kText;
    std::string text;
    double number = 0;  // or milliseconds
    std::optional<Pattern> pattern = {};
  };

  static std::expected<ExchangeFilter, TextMistake> parse(std::string_view text);

  // `value_of(field)`: a FieldValue.
  template <typename ValueOf>
  bool matches(ValueOf&& value_of) const {
    return holds(nodes_.size() - 1, value_of);
  }
  const std::vector<Node>& nodes() const { return nodes_; }

 private:
  static bool compare(const Node& node, const FieldValue& value);
  template <typename ValueOf>
  bool holds(size_t at, ValueOf& value_of) const {
    const Node& node = nodes_[at];
    if (node.is == Operator::kAnd) return holds(node.left, value_of) && holds(node.right, value_of);
    if (node.is == Operator::kOr) return holds(node.left, value_of) || holds(node.right, value_of);
    if (node.is == Operator::kNot) return !holds(node.left, value_of);
    return compare(node, value_of(node.field));
  }

  std::vector<Node> nodes_;
};

}  // namespace cardea
