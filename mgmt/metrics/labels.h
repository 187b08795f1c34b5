// Labels as rows of a stats segment carry them (`pool="web",backend="10.0.0.11:8080"`, values escaped as in Prometheus'
// text) taken apart again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cardea::mgmt::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order in which they were written

std::optional<Labels> parse_labels(std::string_view text);  // nothing: malformed

}  // namespace cardea::mgmt::metrics
