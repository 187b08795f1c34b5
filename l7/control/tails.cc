#include "l7/control/tails.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace cardea::l7 {
namespace {

std::string known_fields() {
  std::string all;
  for (const ExchangeFieldRow& row : exchange_fields()) all += fmt::format("{}{}", all.empty() ? "" : ", ", row.name);
  return all;
}

// Where, why, and of a field that is none, which there are.
std::string what_is_wrong(const TextMistake& mistake) {
  const bool field = !mistake.word.empty();
  return fmt::format("the filter, at character {}: {}{}", mistake.at + 1, mistake.message,
                     field ? "; the fields are " + known_fields() : "");
}

}  // namespace

void Tails::tell(const Shards& shards) const {
  auto tails = looking_.empty() ? nullptr : std::make_shared<proxy::Shard::Tails>();
  for (const auto& [number, looking] : looking_) tails->push_back(looking.tail);
  for (const auto& shard : shards)
    shard->post([tails = std::shared_ptr<const proxy::Shard::Tails>(tails)](proxy::Shard& its) { its.show_to(tails); });
}

Result<uint64_t> Tails::begin(const std::string& filter, const Shards& shards, Instant now) {
  if (looking_.size() >= kMost)
    return fail(fmt::format("{} look on already, as many as may", kMost), Origin::kOperator);
  std::optional<ExchangeFilter> parsed;
  if (!filter.empty()) {
    auto read = ExchangeFilter::parse(filter);
    if (!read) return fail(what_is_wrong(read.error()), Origin::kOperator);
    parsed = std::move(*read);
  }
  looking_[++numbers_] = {std::make_shared<proxy::Tail>(std::move(parsed), shards.size()), now};
  tell(shards);
  return numbers_;
}

Result<Tails::Seen> Tails::since(uint64_t number, Instant now) {
  const auto found = looking_.find(number);
  if (found == looking_.end())
    return fail(fmt::format("nobody looks on as number {} any more: begin again", number), Origin::kOperator);
  found->second.asked = now;
  Seen seen;
  found->second.tail->take(seen.lines, kLinesMost);
  seen.dropped = found->second.tail->dropped();
  return seen;
}

void Tails::end(uint64_t number, const Shards& shards) {
  if (looking_.erase(number) != 0) tell(shards);
}

void Tails::tick(const Shards& shards, Instant now) {
  if (std::erase_if(looking_, [&](const auto& one) { return now - one.second.asked > kPatience; }) != 0) tell(shards);
}

}  // namespace cardea::l7
