#include "mgmt/cli/rates.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "mgmt/cli/ask.h"

namespace cardea::mgmt::cli {
namespace {

using nlohmann::json;

std::string name_of(const json& row) {
  return known_at(row, "address") ? text_at(row, "address") : text_at(row, "name");
}

Rate rate(const json& before, const json& after, double seconds) {
  const auto per_second = [&](const char* counter) {
    const uint64_t was = count_at(before, counter), is = count_at(after, counter);
    return double(is >= was ? is - was : is) / seconds;
  };
  return {.pool = text_at(after, "pool"),
          .name = name_of(after),
          .state = text_at(after, "state"),
          .flows = count_at(after, "flows"),
          .packets_in = per_second("packets_in"),
          .packets_out = per_second("packets_out"),
          .bytes_in = per_second("bytes_in"),
          .bytes_out = per_second("bytes_out"),
          .new_flows = per_second("new_flows")};
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
  std::ranges::stable_sort(out, std::greater{}, [](const Rate& r) { return r.packets_in + r.packets_out; });
  return out;
}

}  // namespace cardea::mgmt::cli
