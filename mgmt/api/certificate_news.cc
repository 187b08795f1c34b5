#include "mgmt/api/certificate_news.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "conf/quote.h"
#include "mgmt/api/json.h"
#include "mgmt/certificate_names.h"

namespace cardea::mgmt::api {
namespace {

using Key = std::pair<std::string, std::string>;  // service and file

std::map<Key, Json> rows_of(const std::string& answer) {
  std::map<Key, Json> rows;
  const auto json = Json::parse(answer, nullptr, false);
  if (!json.is_object() || !json.contains("certificates")) return rows;
  for (const auto& row : json["certificates"])
    if (row.is_object()) rows.emplace(Key{row.value("service", ""), row.value("name", "")}, row);
  return rows;
}

std::string end_of(const Json& row) {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time_t(row.value("not_after", int64_t{0}))));
}

bool is_same(const Json& one, const Json& other) {
  return std::ranges::all_of(std::array{"serial", "issuer", "not_before", "not_after", "names", "key_type"},
                             [&](const char* field) { return one.value(field, Json()) == other.value(field, Json()); });
}

std::vector<std::string> changes(const std::map<Key, Json>& before, const std::map<Key, Json>& after) {
  constexpr size_t kShown = 20;
  std::vector<std::string> lines;
  std::set<std::string> files;  // services share them
  for (const auto& [key, row] : after) {
    const auto was = before.find(key);
    if (was == before.end() || is_same(was->second, row) || !files.insert(key.second).second) continue;
    if (files.size() <= kShown)
      lines.push_back(fmt::format("certificate {}: another one, until {} (before: until {})",
                                  conf::in_quotes(key.second), end_of(row), end_of(was->second)));
  }
  if (files.size() > kShown) lines.push_back(fmt::format("{} certificates more are other ones", files.size() - kShown));
  return lines;
}

conf::Finding due(const conf::Certificate& certificate, std::string warning) {
  conf::Place place = certificate.place;
  place.path += ".cert";
  return {conf::Finding::warning, place, std::move(warning), "a new certificate in its place, which is read within seconds", {}};
}

}  // namespace

CertificateNews certificate_news(const std::string& before, const std::string& after, const conf::Config& config) {
  const auto now = rows_of(after);
  CertificateNews news{changes(rows_of(before), now), {}};
  std::set<std::string> told;
  for (const auto& service : config.services) {
    if (!service.tls) continue;
    std::vector<std::string> names;
    bool all = true;
    for (const auto& certificate : service.tls->certificates) {
      const auto row = now.find({service.name, certificate.cert});
      all = all && row != now.end();
      if (row == now.end()) continue;
      std::ranges::move(row->second.value("names", std::vector<std::string>()), std::back_inserter(names));
      const auto warning = row->second.value("warning", "");
      if (!warning.empty() && told.insert(certificate.cert).second) news.findings.push_back(due(certificate, warning));
    }
    if (all) std::ranges::move(look_at_names(service, names), std::back_inserter(news.findings));
  }
  return news;
}

CertificateNews ToldCertificates::news(const std::string& before, const std::string& after, const conf::Config& config) {
  const std::lock_guard lock(mutex_);
  auto news = certificate_news(last_.empty() ? before : last_, after, config);
  last_ = after;
  return news;
}

}  // namespace cardea::mgmt::api
