#include "mgmt/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

constexpr uint16_t kCpusMax = 4096;

// One number off the front of `rest`.
std::optional<uint16_t> take_number(std::string_view& rest) {
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || number >= kCpusMax) return std::nullopt;
  rest.remove_prefix(size_t(end - rest.data()));
  return number;
}

// "0 to 3", "0, 2 and 4"
std::string text_of(const std::vector<uint16_t>& cpus) {
  if (cpus.size() > 1 && cpus.back() - cpus.front() + 1u == cpus.size())
    return fmt::format("{} to {}", cpus.front(), cpus.back());
  return fmt::format("{}", fmt::join(cpus, ", "));
}

}  // namespace

std::optional<std::vector<uint16_t>> cpus_of_list(std::string_view list) {
  std::vector<uint16_t> cpus;
  while (!list.empty() && list[0] != '\n') {
    const auto first = take_number(list);
    auto last = first;
    if (first && list.starts_with('-')) {
      list.remove_prefix(1);
      last = take_number(list);
    }
    if (!first || !last || *last < *first) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(uint16_t(cpu));
    if (list.starts_with(',')) list.remove_prefix(1);
  }
  return cpus.empty() ? std::nullopt : std::optional(std::move(cpus));
}

conf::Findings look_at_cpus(const conf::Config& config, const std::vector<uint16_t>& online) {
  conf::Findings findings;
  const auto look = [&](const std::vector<uint16_t>& wanted, conf::Place place, const char* setting) {
    place.path += setting;
    for (const uint16_t cpu : wanted) {
      if (std::ranges::count(online, cpu) > 0) continue;
      findings.push_back({conf::Finding::error,
                          place,
                          fmt::format("this host has no CPU {}", cpu),
                          fmt::format("CPUs among {}", text_of(online)),
                          {}});
    }
  };
  if (config.dataplane) look(config.dataplane->workers, config.dataplane->place, ".workers");
  if (config.l7) look(config.l7->shards, config.l7->place, ".shards");
  return findings;
}

void look_at_host(const conf::Config& config, Look look, conf::Findings& findings) {
  std::ranges::move(look_at_certificates(config, look), std::back_inserter(findings));
  const auto list = read_whole_file("/sys/devices/system/cpu/online");
  const auto online = list ? cpus_of_list(*list) : std::nullopt;
  if (online) std::ranges::move(look_at_cpus(config, *online), std::back_inserter(findings));
}

}  // namespace cardea::mgmt
