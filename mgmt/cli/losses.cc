#include "mgmt/cli/losses.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

constexpr size_t kLinesMax = 10;

// "packets dropped", of one: "packet dropped".
std::string of_one(std::string what) {
  const size_t noun = what.find("s ");
  return noun == std::string::npos ? what : what.erase(noun, 1);
}

// "packets dropped: no_nat_port"
std::string name_of(const json& loss) {
  const std::string what = text_at(loss, "what");
  if (!known_at(loss, "detail")) return what;
  return what + (what.ends_with("dropped") ? ": " : " ") + text_at(loss, "detail");
}

std::map<std::string, uint64_t> counts(const json& status) {
  std::map<std::string, uint64_t> all;
  for (const json& loss : part_at(status, "losses")) all[name_of(loss)] = count_at(loss, "count");
  return all;
}

}  // namespace

std::string losses_text(const json& status, bool colour) {
  std::string out;
  size_t lines = 0;
  const json& all = part_at(status, "losses");
  for (const json& loss : all) {
    if (++lines > kLinesMax) break;
    out += fmt::format("{:<11}{} {}\n", lines == 1 ? "lost" : "", grouped(count_at(loss, "count")),
                       count_at(loss, "count") == 1 ? of_one(name_of(loss)) : name_of(loss));
  }
  if (all.size() > kLinesMax)
    out += fmt::format("{:<11}and {} kinds more, see `cardea status --json`\n", "", all.size() - kLinesMax);
  return out.empty() ? out : painted(out, Tone::kWarning, colour);
}

std::string losses_a_second(const json& before, const json& after, double seconds, bool colour) {
  const auto earlier = counts(before);
  std::string out;
  for (const auto& [name, now] : counts(after)) {
    const auto found = earlier.find(name);
    const uint64_t then = found == earlier.end() || found->second > now ? 0 : found->second;
    if (now == then || seconds <= 0) continue;
    out +=
        fmt::format("{}{}/s {}", out.empty() ? "" : " · ", grouped(uint64_t(double(now - then) / seconds + 0.5)), name);
  }
  return out.empty() ? out : painted("lost  " + out, Tone::kWarning, colour) + "\n";
}

}  // namespace cardea::mgmt::cli
