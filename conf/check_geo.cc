// Checks of what asks where clients are: whether there is a database that knows it.
#include <fmt/format.h>

#include "base/template.h"
#include "conf/check_parts.h"

namespace cardea::conf {
namespace {

void miss(Checks& checks, const std::string& path, const char* what, const char* setting) {
  checks.report(Finding::error, path, fmt::format("asks for {}, and no database knows them", what),
                fmt::format("l7: {{ geo: {{ {} = \"/path/of/a.mmdb\"; }}; }};", setting));
}

bool knows_countries(const L7& l7) {
  return l7.geo && !l7.geo->countries.empty();
}

bool knows_as_numbers(const L7& l7) {
  return l7.geo && !l7.geo->as_numbers.empty();
}

}  // namespace

bool names_countries(const settings::AccessT& access) {
  return !access.allow_countries.empty() || !access.deny_countries.empty();
}

bool names_as_numbers(const settings::AccessT& access) {
  return !access.allow_as_numbers.empty() || !access.deny_as_numbers.empty();
}

void check_geo(Checks& checks, const settings::PoliciesT& policies, const std::string& path) {
  const std::optional<L7>& l7 = checks.config.l7;
  if (!policies.access || !l7 || checks.places.spoilt("l7")) return;
  const settings::AccessT& access = *policies.access;
  if (names_countries(access) && !knows_countries(*l7))
    miss(checks, path + ".access", "countries", "countries");
  if (names_as_numbers(access) && !knows_as_numbers(*l7))
    miss(checks, path + ".access", "autonomous systems", "as_numbers");
}

void check_geo_keys(Checks& checks) {
  const std::optional<L7>& l7 = checks.config.l7;
  if (!l7 || checks.places.spoilt("l7")) return;
  const bool countries = knows_countries(*l7), systems = knows_as_numbers(*l7);
  for (size_t i = 0; i < checks.config.rate_limits.size(); ++i) {
    const auto key = Template::parse(checks.config.rate_limits[i].key, Moment::kRequest);
    if (!key) continue;
    for (const Template::Piece& piece : key->pieces()) {
      const std::string path = index_path("rate_limits", i) + ".key";
      if (piece.variable.id == VariableId::kClientCountry && !countries) miss(checks, path, "countries", "countries");
      if (piece.variable.id == VariableId::kClientAsNumber && !systems) miss(checks, path, "autonomous systems", "as_numbers");
    }
  }
}

void check_geo(Checks& checks, const Geo& geo) {
  if (geo.countries.empty() && geo.as_numbers.empty())
    checks.report(Finding::warning, geo.place.path, "no database is named: nobody knows where clients are", "countries or as_numbers");
}

}  // namespace cardea::conf
