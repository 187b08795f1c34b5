#include "mgmt/cli/tables.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"

namespace cardea::mgmt::cli {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;

std::string joined(const json& list) {
  std::string out;
  for (const json& item : list)
    if (item.is_string()) out += (out.empty() ? "" : " ") + item.get<std::string>();
  return out;
}

Cell of_total(const json& row) {
  const uint64_t up = count_at(row, "backends_up"), total = count_at(row, "backends_total");
  return {fmt::format("{}/{}", up, total), up == total ? Tone::kPlain : up == 0 ? Tone::kBad : Tone::kWarning};
}

Cell bad_count(uint64_t count) {
  return {grouped(count), count == 0 ? Tone::kPlain : Tone::kBad};
}

std::string mean_text(const json& l7) {
  return known_at(l7, "duration_ms_mean") ? fmt::format("{:.1f} ms", number_at(l7, "duration_ms_mean")) : "-";
}

std::string busy_text(const json& core) {
  const std::string busy =
      known_at(core, "busy_percent") ? fmt::format("{:.1f} %", number_at(core, "busy_percent")) : "?";
  return fmt::format("cpu {} {}", count_at(core, "cpu"), busy);
}

bool is_l7(const json& row) {
  return known_at(row, "l7");
}

bool is_l4(const json& row) {
  return known_at(row, "packets_in");
}

std::string below_each_other(std::initializer_list<const Table*> tables, const char* none, bool colour) {
  std::string out;
  for (const Table* table : tables)
    if (!table->empty()) out += (out.empty() ? "" : "\n") + table->text(colour);
  return out.empty() ? none : out;
}

std::string away_text(const json& answer, bool colour) {
  std::string out;
  for (const json& row : part_at(answer, "away"))
    out += painted("warning", Tone::kBad, colour) + fmt::format(": {} is away, its counts are its last ones: {}\n",
                                                                text_at(row, "name"), text_at(row, "problem"));
  return out;
}

std::string flows_text(const json& answer, bool colour) {
  Table table({{"SERVICE"},
               {"PROTO"},
               {"CLIENT"},
               {"DESTINATION"},
               {"BACKEND"},
               {"NAT SOURCE"},
               {"STATE"},
               {"IDLE", kRight},
               {"WORKER", kRight}});
  const json& flows = part_at(answer, "flows");
  for (const json& row : flows) {
    const std::string nat = text_at(row, "nat_source");
    table.add({text_at(row, "service"), text_at(row, "protocol"), text_at(row, "client"), text_at(row, "destination"),
               text_at(row, "pool") + "/" + text_at(row, "backend"), nat.empty() ? "-" : nat, text_at(row, "state"),
               duration_text(std::chrono::milliseconds(count_at(row, "idle_ms"))),
               std::to_string(count_at(row, "worker"))});
  }
  std::string out = table.empty() ? "no flows\n" : table.text(colour);
  if (flag_at(answer, "truncated"))
    out += fmt::format("{} of {} flows; --limit shows more\n", flows.size(), grouped(count_at(answer, "total")));
  return out;
}

// The file's name has a column of its own.
std::string warning_text(const json& row) {
  const std::string warning = text_at(row, "warning"), known = "certificate " + text_at(row, "name") + " ";
  return warning.starts_with(known) ? warning.substr(known.size()) : warning;
}

std::string certs_text(const json& answer, bool colour) {
  Table table({{"SERVICE"}, {"NAMES"}, {"KEY"}, {"EXPIRES"}, {"DAYS", kRight}, {"STAPLED UNTIL"}, {"CERTIFICATE"}, {"WARNING"}});
  for (const json& row : part_at(answer, "certificates")) {
    const double days = number_at(row, "days_left");
    const Tone tone = days < 0 ? Tone::kBad : known_at(row, "warning") ? Tone::kWarning : Tone::kPlain;
    table.add({{text_at(row, "service"), Tone::kStrong},
               joined(part_at(row, "names")),
               text_at(row, "key_type"),
               text_at(row, "not_after").substr(0, 10),
               {fmt::format("{:.1f}", days), tone},
               text_at(row, "stapled_until").substr(0, 16),
               text_at(row, "name"),
               {warning_text(row), tone}});
  }
  return table.empty() ? "no certificates\n" : table.text(colour);
}

std::string exchanges_text(const json& answer, bool colour) {
  Table table({{"WHEN"}, {"KIND"}, {"STATUS", kRight}, {"REASON"}, {"MS", kRight}, {"ROUTE"}, {"BACKEND"}, {"REQUEST"}, {"ID"}});
  for (const json& row : part_at(answer, "exchanges")) {
    const bool failed = text_at(row, "kind") == "failed";
    table.add({{text_at(row, "ts")},
               {text_at(row, "kind"), failed ? Tone::kBad : Tone::kWarning},
               std::to_string(count_at(row, "status")),
               text_at(row, "reason"),
               fmt::format("{:.1f}", number_at(row, "t_total_ms")),
               known_at(row, "route") ? text_at(row, "route") : "-",
               known_at(row, "backend") ? text_at(row, "backend") : "-",
               known_at(row, "method") ? text_at(row, "method") + " " + text_at(row, "path").substr(0, 60) : "-",
               {text_at(row, "id"), Tone::kStrong}});
  }
  return table.empty() ? "nothing failed, was refused or slow\n" : table.text(colour);
}

std::string audit_text(const json& answer, bool colour) {
  Table table({{"WHEN"}, {"WHO"}, {"ACTION"}, {"OF"}, {"RESULT"}});
  for (const json& row : part_at(answer, "changes")) {
    const bool refused = known_at(row, "error");
    table.add({{text_at(row, "ts")},
               known_at(row, "user") ? text_at(row, "user") : fmt::format("uid {}", count_at(row, "uid")),
               {text_at(row, "action"), Tone::kStrong},
               text_at(row, "of").empty() ? "-" : clipped(text_at(row, "of"), 80),
               {refused ? clipped(text_at(row, "error"), 80) : "done", refused ? Tone::kBad : Tone::kGood}});
  }
  return table.empty() ? "nothing was changed yet\n" : table.text(colour);
}

std::string connections_text(const json& answer, bool colour) {
  Table table({{"STATE"}, {"LOCAL"}, {"PEER"}, {"BY"}, {"RTT MS", kRight}, {"CWND", kRight}, {"IN FLIGHT", kRight},
               {"UNACKED", kRight}, {"UNREAD", kRight}, {"RETRIES", kRight}});
  for (const json& row : part_at(answer, "connections")) {
    const uint64_t retries = count_at(row, "retransmissions_in_a_row");
    table.add({{text_at(row, "state"), Tone::kStrong},
               text_at(row, "local"),
               text_at(row, "peer"),
               text_at(row, "opened_by"),
               fmt::format("{:.2f}", number_at(row, "rtt_ms")),
               grouped(count_at(row, "cwnd_bytes")),
               grouped(count_at(row, "in_flight_bytes")),
               grouped(count_at(row, "unacknowledged_bytes")),
               grouped(count_at(row, "unread_bytes")),
               {std::to_string(retries), retries > 0 ? Tone::kWarning : Tone::kPlain}});
  }
  if (table.empty()) return "no connections of our own TCP; `ss` shows the kernel's\n";
  return table.text(colour) + fmt::format("{} in all\n", grouped(count_at(answer, "total")));
}

std::string cache_text(const json& answer, bool colour) {
  Table table({{"CACHE"},
               {"USED", kRight},
               {"OF", kRight},
               {"OBJECTS", kRight},
               {"HITS", kRight},
               {"MISSES", kRight},
               {"HIT RATE", kRight},
               {"STORED", kRight},
               {"EVICTED", kRight},
               {"PURGED", kRight}});
  for (const json& row : part_at(answer, "caches")) {
    table.add({{text_at(row, "name"), Tone::kStrong},
               bytes_text(count_at(row, "bytes")),
               bytes_text(count_at(row, "bytes_max")),
               grouped(count_at(row, "objects")),
               grouped(count_at(row, "hits")),
               grouped(count_at(row, "misses")),
               known_at(row, "hit_percent") ? fmt::format("{:.1f} %", number_at(row, "hit_percent")) : "-",
               grouped(count_at(row, "stored")),
               grouped(count_at(row, "evicted")),
               grouped(count_at(row, "purged"))});
  }
  return table.empty() ? "no caches\n" : table.text(colour);
}

}  // namespace cardea::mgmt::cli
