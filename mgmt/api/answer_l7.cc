// What cardea-l7 says of itself, in the API's form: times as text, and counts of its segment beside its own words.
#include <algorithm>
#include <cmath>

#include "mgmt/api/answers.h"
#include "mgmt/api/json.h"
#include "mgmt/api/l7_counts.h"

namespace cardea::mgmt::api {
namespace {

using std::chrono::system_clock;

constexpr double kSecondsADay = 86'400;

Json list_of(const std::string& answer, const char* name) {
  auto json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains(name) || !json[name].is_array()) return Json::array();
  return std::move(json[name]);
}

void time_as_text(Json& row, const char* name) {
  if (row.contains(name) && row[name].is_number())
    row[name] = time_text(system_clock::time_point(std::chrono::seconds(row[name].get<int64_t>())));
}

void add_days_left(Json& row, system_clock::time_point now) {
  const auto end = row.find("not_after");
  if (end == row.end() || !end->is_number()) return;
  const double seconds = end->get<double>() - std::chrono::duration<double>(now.time_since_epoch()).count();
  row["days_left"] = std::floor(seconds / kSecondsADay * 10) / 10;
}

Json certificate_rows(const std::string& l7_answer, system_clock::time_point now) {
  std::vector<Json> rows;
  for (auto& row : list_of(l7_answer, "certificates")) {
    if (!row.is_object()) continue;
    add_days_left(row, now);
    time_as_text(row, "not_before");
    time_as_text(row, "not_after");
    time_as_text(row, "stapled_until");
    if (row.value("warning", "").empty()) row["warning"] = nullptr;
    rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(rows, std::less{}, [](const Json& row) { return row.value("days_left", 0.0); });
  return rows;
}

Json hit_percent(const Json& counts) {
  const double hits = counts["hits"].get<double>() + counts["revalidated"].get<double>();
  const double asked = hits + counts["misses"].get<double>() + counts["stale"].get<double>();
  return asked == 0 ? Json(nullptr) : Json(std::round(1000 * hits / asked) / 10);
}

Json blocked_rows(const Runtime& runtime, system_clock::time_point now) {
  constexpr size_t kMost = 1000;
  std::vector<std::pair<IpAddress, Block>> all(runtime.blocks.begin(), runtime.blocks.end());
  std::ranges::stable_sort(all, std::less(), [](const auto& one) { return one.second.until; });
  if (all.size() > kMost) all.resize(kMost);
  Json rows = Json::array();
  for (const auto& [source, block] : all)
    rows.push_back({{"source", source.is_v4() ? source.text() : source.text() + "/64"},
                    {"limit", block.limit},
                    {"since", time_text(block.since)},
                    {"until", time_text(block.until)},
                    {"seconds_left", std::max<int64_t>(0, std::chrono::ceil<std::chrono::seconds>(block.until - now).count())}});
  return rows;
}

}  // namespace

std::string limits_json(const std::string& l7_answer, const Runtime& runtime, system_clock::time_point now, Json away) {
  return dump({{"limits", list_of(l7_answer, "limits")}, {"blocked", blocked_rows(runtime, now)}, {"blocked_total", runtime.blocks.size()}, {"away", std::move(away)}});
}

Json certificates_due(const std::string& l7_answer, system_clock::time_point now) {
  Json due = Json::array();
  for (auto& row : certificate_rows(l7_answer, now))
    if (!row["warning"].is_null()) due.push_back(std::move(row));
  return due;
}

std::string certs_json(const std::string& l7_answer, system_clock::time_point now) {
  return dump({{"certificates", certificate_rows(l7_answer, now)}});
}

std::string cache_json(const std::string& l7_answer, const metrics::Traffic& traffic) {
  Json rows = Json::array();
  for (auto& row : list_of(l7_answer, "caches")) {
    if (!row.is_object()) continue;
    const Json counts = l7_of_cache(traffic, row.value("name", ""));
    row.update(counts);
    row["hit_percent"] = hit_percent(counts);
    rows.push_back(std::move(row));
  }
  return dump({{"caches", rows}});
}

}  // namespace cardea::mgmt::api
