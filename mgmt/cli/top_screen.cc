#include "mgmt/cli/top_screen.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "mgmt/cli/amounts.h"
#include "mgmt/cli/ask.h"
#include "mgmt/cli/state_tone.h"
#include "mgmt/cli/table.h"
#include "mgmt/cli/tables.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;
constexpr auto kRight = Column::Align::kRight;
constexpr size_t kCoresSingly = 4;  // more of them are told together

Cell amount(double rate) {
  return {short_number(rate), rate > 0 ? Tone::kPlain : Tone::kFaint};
}
Cell bits(double bytes_per_second) {
  return amount(8 * bytes_per_second);
}
Cell bad_rate(double rate) {
  return {short_number(rate), rate > 0 ? Tone::kBad : Tone::kFaint};
}
Cell live(uint64_t count) {
  return {grouped(count), count > 0 ? Tone::kPlain : Tone::kFaint};
}

std::string cores_together(const json& list, const char* what) {
  double sum = 0, most = 0;
  for (const json& core : list) {
    const double busy = number_at(core, "busy_percent");
    sum += busy;
    most = std::max(most, busy);
  }
  return fmt::format("  {} {}s {:.1f} % busy, the busiest {:.1f} %", list.size(), what, sum / double(list.size()),
                     most);
}

std::string cores_text(const json& list, const char* what) {
  if (list.size() > kCoresSingly) return cores_together(list, what);
  std::string out;
  for (const json& core : list) out += fmt::format("  {} {} busy", what, busy_text(core));
  return out;
}

std::string head(const json& status, bool colour) {
  const json& of = part_at(status, "backends");
  std::string out = painted("cardea " + text_at(status, "cluster"), Tone::kStrong, colour);
  out += fmt::format("  {} of {} backends up", count_at(of, "up"), count_at(of, "total"));
  if (known_at(status, "flows")) out += "  " + counted(count_at(status, "flows"), "flow");
  if (known_at(status, "connections")) out += "  " + counted(count_at(status, "connections"), "connection");
  const std::string cores =
      cores_text(part_at(status, "cores"), "worker") + cores_text(part_at(status, "shards"), "shard");
  return out + "\n" + (cores.empty() ? "" : cores.substr(2) + "\n");
}

Table services_packets(const std::vector<Rate>& rows) {
  Table table({{"SERVICE"},
               {"PKTS/S IN", kRight},
               {"OUT", kRight},
               {"BITS/S IN", kRight},
               {"OUT", kRight},
               {"NEW FLOWS/S", kRight}});
  for (const Rate& rate : rows)
    if (rate.l4)
      table.add({{rate.name, Tone::kStrong},
                 amount(rate.packets_in),
                 amount(rate.packets_out),
                 bits(rate.bytes_in),
                 bits(rate.bytes_out),
                 amount(rate.new_flows)});
  return table;
}

Cell backend_name(const Rate& rate) {
  return {rate.pool + "/" + rate.name, Tone::kStrong};
}

Table backends_packets(const std::vector<Rate>& rows) {
  Table table({{"BACKEND"},
               {"STATE"},
               {"FLOWS", kRight},
               {"NEW/S", kRight},
               {"PKTS/S IN", kRight},
               {"OUT", kRight},
               {"BITS/S IN", kRight},
               {"OUT", kRight}});
  for (const Rate& rate : rows)
    if (rate.l4)
      table.add({backend_name(rate),
                 {rate.state, tone_of_state(rate.state)},
                 live(rate.flows),
                 amount(rate.new_flows),
                 amount(rate.packets_in),
                 amount(rate.packets_out),
                 bits(rate.bytes_in),
                 bits(rate.bytes_out)});
  return table;
}

std::vector<Cell> request_cells(const L7Rate& l7) {
  return {amount(l7.requests), bad_rate(l7.errors), bad_rate(l7.failures),
          l7.mean_ms ? Cell(fmt::format("{:.1f} ms", *l7.mean_ms)) : Cell("-", Tone::kFaint)};
}

Table services_requests(const std::vector<Rate>& rows) {
  Table table({{"SERVICE"},
               {"REQUESTS/S", kRight},
               {"5XX/S", kRight},
               {"BAD/S", kRight},
               {"MEAN", kRight},
               {"CONNS", kRight},
               {"NEW/S", kRight},
               {"BITS/S IN", kRight},
               {"OUT", kRight}});
  for (const Rate& rate : rows) {
    if (!rate.l7) continue;
    std::vector<Cell> row{{rate.name, Tone::kStrong}};
    std::ranges::move(request_cells(*rate.l7), std::back_inserter(row));
    row.insert(row.end(),
               {live(rate.l7->connections), amount(rate.l7->connects), bits(rate.bytes_in), bits(rate.bytes_out)});
    table.add(std::move(row));
  }
  return table;
}

std::string_view service_of(const Rate& route) {
  return std::string_view(route.name).substr(0, route.name.find('/'));  // names of services have none
}

// A service's only route has the service's figures.
Table routes_requests(const std::vector<Rate>& rows) {
  std::map<std::string_view, size_t> routes;
  for (const Rate& rate : rows) ++routes[service_of(rate)];
  Table table({{"ROUTE"}, {"REQUESTS/S", kRight}, {"4XX/S", kRight}, {"5XX/S", kRight}, {"MEAN", kRight}, {"POOL"}});
  for (const Rate& rate : rows) {
    if (!rate.l7 || routes[service_of(rate)] < 2) continue;
    const auto cells = request_cells(*rate.l7);
    table.add({{rate.name, Tone::kStrong}, cells[0], amount(rate.l7->client_errors), cells[1], cells[3], rate.pool});
  }
  return table;
}

Table backends_requests(const std::vector<Rate>& rows) {
  Table table({{"BACKEND"},
               {"STATE"},
               {"REQUESTS/S", kRight},
               {"5XX/S", kRight},
               {"FAILED/S", kRight},
               {"MEAN", kRight},
               {"BUSY", kRight},
               {"CONNS/S", kRight}});
  for (const Rate& rate : rows) {
    if (!rate.l7) continue;
    std::vector<Cell> row{backend_name(rate), {rate.state, tone_of_state(rate.state)}};
    std::ranges::move(request_cells(*rate.l7), std::back_inserter(row));
    row.insert(row.end(), {live(rate.l7->connections), amount(rate.l7->connects)});
    table.add(std::move(row));
  }
  return table;
}

struct NamedTable {
  std::string_view name;
  Table table;
};

// A blank line, a title, a row, and how many there are more.
size_t least_lines(const std::vector<NamedTable>& tables) {
  size_t lines = 0;
  for (const NamedTable& named : tables) lines += 2 + std::min<size_t>(named.table.rows(), 2);
  return lines;
}

// Takes out the last tables until the others have room for a row each: a window of titles alone tells nothing. Names
// those that are missing.
std::string leave_out(std::vector<NamedTable>& tables, Space space) {
  std::vector<std::string_view> names;
  while (tables.size() > 1 && least_lines(tables) + (names.empty() ? 0 : 1) > space.lines) {
    names.insert(names.begin(), tables.back().name);
    tables.pop_back();
  }
  const std::string line = fmt::format("no room for {}", fmt::join(names, ", "));
  return names.empty() ? "" : line.substr(0, space.columns) + "\n";
}

}  // namespace

std::vector<size_t> shares(std::vector<size_t> needs, size_t lines) {
  std::vector<size_t*> smallest_first;
  for (size_t& need : needs) smallest_first.push_back(&need);
  std::ranges::stable_sort(smallest_first, {}, [](const size_t* need) { return *need; });
  for (size_t i = 0; i < needs.size(); ++i) {
    size_t& need = *smallest_first[i];
    need = std::min(need, lines / (needs.size() - i));
    lines -= need;
  }
  return needs;
}

std::string screen(const Measured& measured, bool colour, Space space) {
  std::string out = head(measured.status, colour) + measured.away + measured.lost;
  std::vector<NamedTable> tables;
  for (auto& named : {NamedTable{"packets", services_packets(measured.services)},
                      NamedTable{"requests", services_requests(measured.services)},
                      NamedTable{"routes", routes_requests(measured.routes)},
                      NamedTable{"backends' packets", backends_packets(measured.backends)},
                      NamedTable{"backends' requests", backends_requests(measured.backends)}})
    if (!named.table.empty()) tables.push_back(named);
  const size_t above = size_t(std::ranges::count(out, '\n'));
  const std::string left_out = leave_out(tables, {space.lines - std::min(space.lines, above), space.columns});
  std::vector<size_t> needs;
  for (const NamedTable& named : tables) needs.push_back(named.table.rows());
  const size_t taken = above + 2 * tables.size() + (left_out.empty() ? 0 : 1);  // a blank line and a title each
  const auto rows = shares(needs, space.lines - std::min(space.lines, taken));
  for (size_t i = 0; i < tables.size(); ++i) out += "\n" + tables[i].table.text(colour, {rows[i], space.columns});
  return out + left_out;
}

}  // namespace cardea::mgmt::cli
