// Where traffic goes: pools and backends, with what health checks say beside what traffic itself tells.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;

std::string health_text(const json& health) {
  const std::string type = text_at(health, "type");
  if (type.empty() || type == "none") return "none";
  return fmt::format("{} every {}, rise {}, fall {}", type,
                     duration_text(std::chrono::milliseconds(count_at(health, "interval_ms"))),
                     count_at(health, "rise"), count_at(health, "fall"));
}

std::string check_text(const json& row) {
  if (!known_at(row, "health")) return "not checked";
  const json& health = part_at(row, "health");
  if (known_at(health, "own_failure")) return "not checked: " + text_at(health, "own_failure");
  if (!flag_at(health, "checked")) return "no check yet";
  if (text_at(health, "last_result") == "failed") return text_at(health, "reason");
  return fmt::format("ok, {:.1f} ms", number_at(health, "duration_ms"));
}

Cell serving_cell(const json& row) {
  if (flag_at(row, "panic")) return {"panic", Tone::kBad};
  const bool serving = flag_at(row, "serving");
  return {serving ? "yes" : "no", serving ? Tone::kGood : Tone::kBad};
}

std::string weight_text(const json& row) {
  if (!known_at(row, "weight_override")) return std::to_string(count_at(row, "weight_configured"));
  return fmt::format("{} (file: {})", count_at(row, "weight_override"), count_at(row, "weight_configured"));
}

// The state, and what else decides whether it gets anything.
Cell state_cell(const json& row) {
  const std::string state = text_at(row, "state");
  if (known_at(row, "l7") && flag_at(part_at(row, "l7"), "ejected")) return {state + ", ejected", Tone::kBad};
  if (flag_at(row, "standby")) return {state + ", standby", tone_of_state(state)};
  if (state == "down" && count_at(row, "weight_effective") != 0) return {"down, used", Tone::kBad};
  return {state, tone_of_state(state)};
}

std::vector<Cell> first_cells(const json& row) {
  return {text_at(row, "pool"),
          {text_at(row, "address"), Tone::kStrong},
          state_cell(row),
          weight_text(row),
          fmt::format("{:.1f} %", number_at(row, "share_percent"))};
}

void add_l4(Table& table, const json& row) {
  auto cells = first_cells(row);
  cells.insert(cells.end(),
               {known_at(row, "flows") ? grouped(count_at(row, "flows")) : "-", grouped(count_at(row, "new_flows")),
                bytes_text(count_at(row, "bytes_in")), bytes_text(count_at(row, "bytes_out")), check_text(row)});
  table.add(std::move(cells));
}

void add_l7(Table& table, const json& row) {
  const json& l7 = part_at(row, "l7");
  auto cells = first_cells(row);
  cells.insert(cells.end(), {grouped(count_at(l7, "connections")), grouped(count_at(l7, "requests")),
                             bad_count(count_at(l7, "connect_failures")), bad_count(count_at(l7, "failures")),
                             bad_count(count_at(part_at(l7, "responses"), "5xx")), mean_text(l7), check_text(row)});
  table.add(std::move(cells));
}

}  // namespace

std::string pools_text(const json& answer, bool colour) {
  Table table({{"POOL"},
               {"BALANCE"},
               {"RING", kRight},
               {"UP", kRight},
               {"SERVING"},
               {"NO CONNECT", kRight},
               {"BROKEN", kRight},
               {"5XX", kRight},
               {"HEALTH"},
               {"SERVICES"}});
  for (const json& row : part_at(answer, "pools")) {
    const json& l7 = part_at(row, "l7");
    const auto signal = [&](const json& of, const char* name) {
      return is_l7(row) ? bad_count(count_at(of, name)) : Cell("-");
    };
    table.add({{text_at(row, "name"), Tone::kStrong},
               text_at(row, "balance"),
               known_at(row, "ring_size") ? std::to_string(count_at(row, "ring_size")) : "-",
               of_total(row),
               serving_cell(row),
               signal(l7, "connect_failures"),
               signal(l7, "failures"),
               signal(part_at(l7, "responses"), "5xx"),
               health_text(part_at(row, "health")),
               joined(part_at(row, "services"))});
  }
  return table.empty() ? "no pools\n" : table.text(colour);
}

std::string backends_text(const json& answer, bool colour) {
  Table l4({{"POOL"},
            {"BACKEND"},
            {"STATE"},
            {"WEIGHT", kRight},
            {"SHARE", kRight},
            {"FLOWS", kRight},
            {"FLOWS TOTAL", kRight},
            {"IN", kRight},
            {"OUT", kRight},
            {"LAST CHECK"}});
  Table l7({{"POOL"},
            {"BACKEND"},
            {"STATE"},
            {"WEIGHT", kRight},
            {"SHARE", kRight},
            {"BUSY", kRight},
            {"REQUESTS", kRight},
            {"NO CONNECT", kRight},
            {"BROKEN", kRight},
            {"5XX", kRight},
            {"MEAN", kRight},
            {"LAST CHECK"}});
  for (const json& row : part_at(answer, "backends")) {
    if (is_l4(row)) add_l4(l4, row);
    if (is_l7(row)) add_l7(l7, row);
  }
  return below_each_other({&l4, &l7}, "no backends\n", colour);
}

}  // namespace cardea::mgmt::cli
