#include "mgmt/metrics/labels.h"

namespace cardea::mgmt::metrics {
namespace {

// The value after `="` up to its closing quote, which is taken as well.
std::optional<std::string> take_value(std::string_view& text) {
  std::string value;
  while (!text.empty()) {
    char next = text.front();
    text.remove_prefix(1);
    if (next == '"') return value;
    if (next == '\\') {
      if (text.empty()) return std::nullopt;
      next = text.front() == 'n' ? '\n' : text.front();
      text.remove_prefix(1);
    }
    value.push_back(next);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Labels> parse_labels(std::string_view text) {
  Labels labels;
  while (!text.empty()) {
    const size_t equals = text.find("=\"");
    if (equals == 0 || equals == text.npos) return std::nullopt;
    std::string name(text.substr(0, equals));
    text.remove_prefix(equals + 2);
    auto value = take_value(text);
    if (!value) return std::nullopt;
    labels.emplace_back(std::move(name), std::move(*value));
    if (text.empty()) break;
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
  return labels;
}

}  // namespace cardea::mgmt::metrics
