// What clients connect to and where it leads: services and routes.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;

void add_l4(Table& table, const json& row) {
  table.add({{text_at(row, "name"), Tone::kStrong},
             joined(part_at(row, "listen")),
             text_at(row, "forward"),
             text_at(row, "pool"),
             of_total(row),
             grouped(count_at(row, "new_flows")),
             bytes_text(count_at(row, "bytes_in")),
             bytes_text(count_at(row, "bytes_out"))});
}

std::string mode_text(const json& row) {
  return text_at(row, "mode") + (flag_at(row, "tls") ? "+tls" : "");
}

void add_l7(Table& table, const json& row) {
  const json& l7 = part_at(row, "l7");
  const json& responses = part_at(l7, "responses");
  table.add({{text_at(row, "name"), Tone::kStrong},
             joined(part_at(row, "listen")),
             mode_text(row),
             of_total(row),
             grouped(count_at(l7, "connections")),
             grouped(count_at(l7, "requests")),
             grouped(count_at(responses, "4xx")),
             bad_count(count_at(responses, "5xx")),
             mean_text(l7),
             bytes_text(count_at(row, "bytes_in")),
             bytes_text(count_at(row, "bytes_out"))});
}

std::string hosts_text(const json& row) {
  const std::string hosts = joined(part_at(row, "hosts"));
  return hosts.empty() ? "any" : hosts;
}

}  // namespace

std::string services_text(const json& answer, bool colour) {
  Table l4({{"SERVICE"},
            {"LISTEN"},
            {"FORWARD"},
            {"POOL"},
            {"UP", kRight},
            {"FLOWS TOTAL", kRight},
            {"IN", kRight},
            {"OUT", kRight}});
  Table l7({{"SERVICE"},
            {"LISTEN"},
            {"MODE"},
            {"UP", kRight},
            {"CONNS", kRight},
            {"REQUESTS", kRight},
            {"4XX", kRight},
            {"5XX", kRight},
            {"MEAN", kRight},
            {"IN", kRight},
            {"OUT", kRight}});
  for (const json& row : part_at(answer, "services")) is_l7(row) ? add_l7(l7, row) : add_l4(l4, row);
  return below_each_other({&l4, &l7}, "no services\n", colour);
}

namespace {

// "/api/", "= /login", "~ /v[0-9]+/.*"; behind it a mark where more is asked.
std::string path_text(const json& row) {
  const std::string rule = text_at(row, "path_rule");
  const std::string path = (rule == "exact" ? "= " : rule == "regex" ? "~ " : "") + text_at(row, "path");
  return path + (row.value("conditional", false) ? " +" : "");
}

bool answers_by_itself(const json& row) {
  const std::string action = text_at(row, "action");
  return action == "redirect" || action == "respond" || action == "files";
}

// The pool, "pages 90, canary 10", or what the route does without one.
std::string where_to(const json& row) {
  if (known_at(row, "pool")) return text_at(row, "pool");
  std::string all;
  for (const json& share : part_at(row, "split"))
    all += (all.empty() ? "" : ", ") + text_at(share, "pool") + " " + std::to_string(count_at(share, "weight"));
  return all.empty() ? text_at(row, "action") : all;
}

}  // namespace

std::string routes_text(const json& answer, bool colour) {
  Table table({{"SERVICE"},
               {"ROUTE"},
               {"HOST"},
               {"PATH"},
               {"TO"},
               {"UP", kRight},
               {"CACHE"},
               {"REQUESTS", kRight},
               {"4XX", kRight},
               {"5XX", kRight},
               {"MEAN", kRight}});
  for (const json& row : part_at(answer, "routes")) {
    const json& l7 = part_at(row, "l7");
    const json& responses = part_at(l7, "responses");
    table.add({text_at(row, "service"),
               {text_at(row, "name"), Tone::kStrong},
               hosts_text(row),
               path_text(row),
               where_to(row),
               answers_by_itself(row) ? "-" : of_total(row),
               known_at(row, "cache") ? text_at(row, "cache") : "-",
               grouped(count_at(l7, "requests")),
               grouped(count_at(responses, "4xx")),
               bad_count(count_at(responses, "5xx")),
               mean_text(l7)});
  }
  return table.empty() ? "no routes\n" : table.text(colour);
}

}  // namespace cardea::mgmt::cli
