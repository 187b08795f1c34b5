#include "mgmt/runtime.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

namespace cardea::mgmt {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr int kFormat = 1;  // raised when an old reader would misunderstand the file

int64_t to_ms(system_clock::time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

Json override_row(const BackendRef& ref, const Override& what) {
  Json row{{"pool", ref.pool}, {"backend", ref.backend}, {"state", name(what.order)}};
  if (what.weight) row["weight"] = *what.weight;
  return row;
}

Json health_row(const BackendRef& ref, const Health& health) {
  return {{"pool", ref.pool},
          {"backend", ref.backend},
          {"up", health.up},
          {"reason", health.reason},
          {"since_ms", to_ms(health.since)}};
}

BackendRef ref_of(const Json& row) {
  return {row.at("pool").get<std::string>(), row.at("backend").get<std::string>()};
}

Override override_from(const Json& row) {
  const auto word = row.at("state").get<std::string>();
  const auto order = order_of(word);
  if (!order) throw std::invalid_argument(fmt::format("\"{}\" is no operator's state", word));
  Override what{*order, {}};
  if (row.contains("weight")) what.weight = row.at("weight").get<uint32_t>();
  return what;
}

Health health_from(const Json& row) {
  return {row.at("up").get<bool>(), row.at("reason").get<std::string>(),
          system_clock::time_point(milliseconds(row.at("since_ms").get<int64_t>()))};
}

Json block_row(const IpAddress& source, const Block& block) {
  return {{"source", source.text()}, {"limit", block.limit}, {"since_ms", to_ms(block.since)}, {"until_ms", to_ms(block.until)}};
}

void add_block(Runtime& runtime, const Json& row) {
  const auto source = IpAddress::parse(row.at("source").get<std::string>());
  if (!source) throw std::invalid_argument(source.error().message);
  const auto time = [&row](const char* field) { return system_clock::time_point(milliseconds(row.at(field).get<int64_t>())); };
  runtime.blocks[*source] = {time("since_ms"), time("until_ms"), row.at("limit").get<std::string>()};
}

Runtime from(const Json& document) {
  if (document.at("format").get<int>() != kFormat) throw std::invalid_argument("it is of another version");
  Runtime runtime;
  runtime.generation = document.at("generation").get<uint64_t>();
  for (const auto& row : document.at("overrides")) runtime.overrides[ref_of(row)] = override_from(row);
  for (const auto& row : document.at("health")) runtime.health[ref_of(row)] = health_from(row);
  if (document.contains("blocks"))
    for (const auto& row : document.at("blocks")) add_block(runtime, row);
  return runtime;
}

}  // namespace

Override Runtime::override_of(const BackendRef& ref) const {
  const auto found = overrides.find(ref);
  return found == overrides.end() ? Override{} : found->second;
}

bool Runtime::healthy(const BackendRef& ref) const {
  const auto found = health.find(ref);
  return found == health.end() || found->second.up;
}

system_clock::time_point Runtime::since(const BackendRef& ref) const {
  const auto found = health.find(ref);
  return found == health.end() ? system_clock::time_point() : found->second.since;
}

Standing Runtime::standing_of(const conf::Pool& pool, const conf::Backend& backend) const {
  const BackendRef ref{pool.name, backend.address.text()};
  // Without checks nobody would ever say "up" again: what an earlier check said is void.
  const bool up = pool.health.type == conf::HealthType::kNone || healthy(ref);
  return judge(backend, override_of(ref), up);
}

void Runtime::keep_only(const conf::Config& config) {
  std::set<BackendRef> known;
  for (const auto& pool : config.pools)
    for (const auto& backend : pool.backends) known.insert({pool.name, backend.address.text()});
  std::erase_if(overrides, [&](const auto& entry) { return !known.contains(entry.first); });
  std::erase_if(health, [&](const auto& entry) { return !known.contains(entry.first); });
}

std::string to_json(const Runtime& runtime) {
  Json document{{"format", kFormat}, {"generation", runtime.generation}};
  auto& overrides = document["overrides"] = Json::array();
  for (const auto& [ref, what] : runtime.overrides) overrides.push_back(override_row(ref, what));
  auto& health = document["health"] = Json::array();
  for (const auto& [ref, what] : runtime.health) health.push_back(health_row(ref, what));
  auto& blocks = document["blocks"] = Json::array();
  for (const auto& [source, block] : runtime.blocks) blocks.push_back(block_row(source, block));
  return document.dump(1, ' ', false, Json::error_handler_t::replace);
}

Result<Runtime> runtime_from_json(std::string_view text) {
  try {
    return from(Json::parse(text));
  } catch (const std::exception& problem) {  // nlohmann's exceptions end here
    return fail(fmt::format("damaged runtime state: {}", problem.what()));
  }
}

}  // namespace cardea::mgmt
