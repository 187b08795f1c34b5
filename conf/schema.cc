#include "conf/schema.h"

#include <fmt/format.h>

#include <algorithm>

#include "conf/schema_sections.h"

namespace cardea::conf {
namespace {

const Section& cluster_section() {
  static const Section section = section_of<Cluster>(
      "cluster", "",
      {
          value("name", &Cluster::name, name(64),
                {.prose = "Name of the group of load balancers that serve the same addresses.",
                 .example = "name = \"edge-1\";"}),
          value("seed", &Cluster::seed, text(256),
                {.prose = "Secret from which the key of the flow hash grows; the same on every node of the cluster, so "
                          "that all "
                          "choose the same backend, and unknown to clients, so that none can aim at one.",
                 .example = "seed = \"9d5ed678fe57bcca610140957afab571\";",
                 .restart = restart_of("cluster.seed"),
                 .secret = true,
                 .unset = "derived from the cluster's name, which is no secret"}),
      });
  return section;
}

const Section& mgmt_section() {
  static const Section section =
      section_of<Mgmt>("mgmt", "",
                       {
                           value("metrics", &Mgmt::metrics, endpoint(),
                                 {.prose = "Where the page of metrics for Prometheus is served."}),
                           value("api", &Mgmt::api, file_path("/run/cardea-api/api.sock"),
                                 {.prose = "Unix socket of the API, which the `cardea` command speaks to.",
                                  .example = "api = \"/run/cardea-api/api.sock\";",
                                  .restart = Restart::kMgmt,
                                  .unset = "api.sock in the directory that --api-dir names, /run/cardea-api as installed"}),
                           value("api_group", &Mgmt::api_group, text(32),
                                 {.prose = "Group of users who may use the API. cardea-mgmt's user has to be a member of it, and the socket's directory has to let it in.",
                                  .example = "api_group = \"cardea-operators\";",
                                  .restart = Restart::kMgmt,
                                  .unset = "the group cardea-mgmt runs as"}),
                       });
  return section;
}

void collect(const Section& section, const std::string& path, std::vector<PathRow>& rows) {
  for (const Row& row : section.rows) {
    const std::string here = join_path(path, row.name);
    rows.push_back({here, &row});
    if (row.section != nullptr) collect(*row.section, row.shape == Row::Shape::kList ? here + "[]" : here, rows);
  }
}

std::string without_indices(std::string_view path) {
  std::string plain;
  bool inside = false;
  for (char c : path) {
    if (c == '[') inside = true;
    if (!inside) plain += c;
    if (c == ']') inside = false;
  }
  return plain;
}

}  // namespace

std::string words_of(const Modes& modes) {
  std::string text = "mode = ";
  for (size_t i = 0; i < modes.size(); ++i)
    text.append(i == 0 ? "\"" : " or \"").append(name(modes[i])).append("\"");
  return text;
}

const Section& schema() {
  static const Section section = section_of<Config>(
      "document", "",
      {
          group("cluster", &Config::cluster, cluster_section(),
                {.prose = "What the nodes of a cluster have in common."}),
          group("dataplane", &Config::dataplane, dataplane_section(),
                {.prose = "The packet workers of this host; left out on a host that forwards no packets."}),
          group(
              "l7", &Config::l7, l7_section(),
              {.prose = "The shards of this host that serve tcp and http services; left out on a host that has none."}),
          list("caches", &Config::caches, cache_section(),
               {.prose = "Memory set aside for answers that may be given again; routes say which they use.",
                .count_max = 64}),
          list("rate_limits", &Config::rate_limits, rate_limit_section(),
               {.prose = "How often requests may come; services and routes say which limits they have.",
                .count_max = 1000}),
          list("pools", &Config::pools, pool_section(),
               {.prose = "Named sets of backends that services send connections to.", .count_max = 65536}),
          list("services", &Config::services, service_section(),
               {.prose = "What clients connect to, and where it goes.", .count_max = 65536}),
          group("mgmt", &Config::mgmt, mgmt_section(), {.prose = "The management daemon's own doors."}),
      });
  return section;
}

const char* restart_words(Restart restart) {
  switch (restart) {
    case Restart::kNone:
      return nullptr;
    case Restart::kDataplane:
      return "when cardea-dataplane is restarted";
    case Restart::kL7:
      return "when cardea-l7 is restarted";
    case Restart::kMgmt:
      return "when cardea-mgmt is restarted";
  }
  return nullptr;
}

const Row* Section::find(std::string_view name) const {
  const auto row = std::ranges::find(rows, name, &Row::name);
  return row == rows.end() ? nullptr : &*row;
}

std::vector<const Row*> Section::misplaced(Mode mode) const {
  std::vector<const Row*> others;
  for (const Row& row : rows)
    if (!row.facts.only.empty() && std::ranges::find(row.facts.only, mode) == row.facts.only.end())
      others.push_back(&row);
  return others;
}

const std::vector<PathRow>& all_rows() {
  static const std::vector<PathRow> all = [] {
    std::vector<PathRow> rows;
    collect(schema(), "", rows);
    return rows;
  }();
  return all;
}

const Row* find_row(std::string_view path) {
  const std::string plain = without_indices(path);
  for (const PathRow& known : all_rows())
    if (without_indices(known.path) == plain) return known.row;
  return nullptr;
}

std::string index_path(const std::string& path, size_t index) {
  return fmt::format("{}[{}]", path, index);
}

std::string join_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

}  // namespace cardea::conf
