#include "mgmt/cli/rates.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

std::string name_of(const json& row) {
  if (known_at(row, "service")) return text_at(row, "service") + "/" + text_at(row, "name");
  return known_at(row, "address") ? text_at(row, "address") : text_at(row, "name");
}

// Counters of two readings of one row.
struct Readings {
  const json& before;
  const json& after;
  double seconds;

  double grown(const char* counter) const {
    const double was = number_at(before, counter), is = number_at(after, counter);
    return is >= was ? is - was : is;
  }
  double per_second(const char* counter) const { return grown(counter) / seconds; }
  Readings part(const char* field) const { return {part_at(before, field), part_at(after, field), seconds}; }
};

std::optional<double> mean_ms(const Readings& l7) {
  const double ended = l7.grown("durations");
  if (ended <= 0) return std::nullopt;
  return l7.grown("duration_ms_total") / ended;
}

std::optional<L7Rate> l7_rate(const Readings& row) {
  if (!known_at(row.after, "l7")) return std::nullopt;
  const Readings l7 = row.part("l7");
  const bool service = known_at(l7.after, "connections_total");
  return L7Rate{.connections = count_at(l7.after, "connections"),
                .requests = l7.per_second("requests"),
                .errors = l7.part("responses").per_second("5xx"),
                .failures = service ? l7.per_second("bad_requests")
                                    : l7.per_second("connect_failures") + l7.per_second("failures"),
                .connects = l7.per_second(service ? "connections_total" : "connects"),
                .client_errors = l7.part("responses").per_second("4xx"),
                .bytes_in = row.per_second("bytes_in"),
                .bytes_out = row.per_second("bytes_out"),
                .mean_ms = mean_ms(l7)};
}

Rate rate(const json& before, const json& after, double seconds) {
  const Readings row{before, after, seconds};
  return {.pool = text_at(after, "pool"),
          .name = name_of(after),
          .state = text_at(after, "state"),
          .flows = count_at(after, "flows"),
          .packets_in = row.per_second("packets_in"),
          .packets_out = row.per_second("packets_out"),
          .bytes_in = row.per_second("bytes_in"),
          .bytes_out = row.per_second("bytes_out"),
          .new_flows = row.per_second("new_flows"),
          .l4 = known_at(after, "packets_in"),
          .l7 = l7_rate(row)};
}

double busy(const Rate& rate) {
  return rate.packets_in + rate.packets_out + (rate.l7 ? rate.l7->requests + rate.l7->connects : 0);
}

}  // namespace

std::vector<Rate> rates(const json& before, const json& after, const char* list, double seconds) {
  std::map<std::pair<std::string, std::string>, const json*> earlier;
  for (const json& row : part_at(before, list)) earlier[{text_at(row, "pool"), name_of(row)}] = &row;
  std::vector<Rate> out;
  for (const json& row : part_at(after, list)) {
    const auto found = earlier.find({text_at(row, "pool"), name_of(row)});
    out.push_back(rate(found != earlier.end() ? *found->second : json::object(), row, seconds));
  }
  std::ranges::stable_sort(out, std::greater{}, busy);
  return out;
}

}  // namespace cardea::mgmt::cli
