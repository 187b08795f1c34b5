#include "l7/policy/access.h"

#include <fmt/format.h>

#include <algorithm>

namespace cardea::l7::policy {
namespace {

Result<Places> read_countries(const std::vector<std::string>& texts) {
  Places numbers;
  for (const std::string& text : texts) {
    const uint32_t number = country_number(text);
    if (number == 0) return fail(fmt::format("\"{}\" is no country", text));
    numbers.push_back(number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Result<> check_known(const Geo* geo, const Places& countries, const Places& as_numbers) {
  if (!countries.empty() && (!geo || !geo->knows_countries()))
    return fail("it goes by countries, and no database knows them (l7.geo.countries)", Origin::kOperator);
  if (!as_numbers.empty() && (!geo || !geo->knows_as_numbers()))
    return fail("it goes by autonomous systems, and no database knows them (l7.geo.as_numbers)", Origin::kOperator);
  return {};
}

}  // namespace

Result<Access::Side> Access::Side::read(const std::vector<std::string>& networks,
                                        const std::vector<std::string>& network_files,
                                        const std::vector<std::string>& countries, const Places& as_numbers,
                                        FileBook& files) {
  Side side;
  auto set = files.networks(networks, network_files);
  if (!set) return std::unexpected(std::move(set.error()));
  side.networks = std::move(*set);
  auto numbers = read_countries(countries);
  if (!numbers) return std::unexpected(std::move(numbers.error()));
  side.countries = std::move(*numbers);
  side.as_numbers = as_numbers;
  std::ranges::sort(side.as_numbers);
  if (auto known = check_known(files.geo().get(), side.countries, side.as_numbers); !known)
    return std::unexpected(std::move(known.error()));
  if (!side.countries.empty() || !side.as_numbers.empty()) side.geo = files.geo();
  return side;
}

bool Access::Side::is_in_place(const IpAddress& client) const {
  const auto is_one = [](const Places& places, uint32_t number) {
    return number != 0 && std::ranges::binary_search(places, number);
  };
  return (!countries.empty() && is_one(countries, geo->country_of(client))) ||
         (!as_numbers.empty() && is_one(as_numbers, geo->as_number(client)));
}

bool Access::is_denied(std::string_view ja4) const {
  return std::ranges::any_of(deny_ja4_, [ja4](std::string_view denied) {
    return denied.ends_with('*') ? ja4.starts_with(denied.substr(0, denied.size() - 1)) : ja4 == denied;
  });
}

// An empty file allows nobody.
Result<Access> Access::read(const settings::AccessT& from, FileBook& files) {
  Access to;
  auto deny = Side::read(from.deny, from.deny_files, from.deny_countries, from.deny_as_numbers, files);
  if (!deny) return std::unexpected(std::move(deny.error()));
  to.deny_ = std::move(*deny);
  to.deny_ja4_ = from.deny_ja4;
  to.chooses_ = !from.allow.empty() || !from.allow_files.empty() || !from.allow_countries.empty() || !from.allow_as_numbers.empty();
  if (!to.chooses_) return to;
  auto allow = Side::read(from.allow, from.allow_files, from.allow_countries, from.allow_as_numbers, files);
  if (!allow) return std::unexpected(std::move(allow.error()));
  to.allow_ = std::move(*allow);
  return to;
}

}  // namespace cardea::l7::policy
