// Rate limits, below them who is refused most, and who is blocked.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;

std::string keys_text(const json& keys) {
  return (flag_at(keys, "exact") ? "" : "~") + grouped(count_at(keys, "known"));
}

void add_offenders(Table& table, const json& limit) {
  for (const json& row : part_at(limit, "offenders"))
    table.add({{text_at(limit, "name"), Tone::kStrong},
               text_at(row, "key"),
               fmt::format("{:.1f}", number_at(row, "refused_per_second")),
               grouped(count_at(row, "refused")),
               fmt::format("{:.0f} s", number_at(row, "since_seconds")),
               fmt::format("{:.0f} s ago", number_at(row, "last_seconds"))});
}

}  // namespace

std::string limits_text(const json& answer, bool colour) {
  Table limits({{"LIMIT"}, {"COUNTS BY"}, {"LIMITS"}, {"KEYS", kRight}, {"OF", kRight}, {"UNDER WAY", kRight}, {"REFUSED", kRight}});
  Table offenders({{"LIMIT"}, {"KEY"}, {"REFUSED/S", kRight}, {"REFUSED", kRight}, {"SINCE", kRight}, {"LAST", kRight}});
  for (const json& row : part_at(answer, "limits")) {
    const json& keys = part_at(row, "keys");
    limits.add({{text_at(row, "name"), Tone::kStrong},
                text_at(row, "key"),
                text_at(row, "limits"),
                keys_text(keys),
                grouped(count_at(keys, "max")),
                known_at(keys, "under_way") ? grouped(count_at(keys, "under_way")) : "-",
                bad_count(count_at(row, "refused"))});
    add_offenders(offenders, row);
  }
  Table blocked({{"BLOCKED"}, {"BY LIMIT"}, {"SINCE"}, {"LEFT", kRight}});
  for (const json& row : part_at(answer, "blocked"))
    blocked.add({{text_at(row, "source"), Tone::kBad}, text_at(row, "limit"), text_at(row, "since"), fmt::format("{} s", count_at(row, "seconds_left"))});
  const std::string text = away_text(answer, colour) + below_each_other({&limits, &offenders, &blocked}, "no rate limits\n", colour);
  const uint64_t total = count_at(answer, "blocked_total");
  return blocked.rows() == total ? text : text + fmt::format("{} of {} blocked\n", blocked.rows(), grouped(total));
}

}  // namespace cardea::mgmt::cli
