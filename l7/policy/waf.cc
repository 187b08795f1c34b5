#include "l7/policy/waf.h"

#include <fmt/format.h>

#include "base/rule_ids.h"
#include "l7/waf/message.h"
#include "l7/waf/presets.h"

namespace cardea::l7::policy {
namespace {

Result<std::vector<waf::IdRange>> excluded(const settings::WafT& from) {
  std::vector<waf::IdRange> ranges;
  for (const std::string& text : from.exclude) {
    const auto ids = read_rule_ids(text);
    if (!ids) return fail(fmt::format("\"{}\" is no rule's id", text));
    ranges.push_back({ids->first, ids->last});
  }
  return ranges;
}

std::string description(const settings::WafT& from) {
  const std::string rules = !from.files.empty()                          ? fmt::format("{} files of rules", from.files.size())
                            : from.preset == settings::WafPreset::api ? "the core rule set, for APIs"
                                                                       : "the core rule set";
  const bool block = from.mode == settings::WafMode::block;
  return fmt::format("{} at paranoia level {}; a score of {} or more {}", rules, from.paranoia, from.threshold,
                     block ? "is answered 403" : "is only told");
}

}  // namespace

Result<Waf> Waf::read(const settings::WafT& from) {
  if (from.time_max_ms == 0 || from.paranoia < 1 || from.paranoia > 4) return fail("a time or a paranoia level that there is not");
  auto removed = excluded(from);
  if (!removed) return std::unexpected(std::move(removed.error()));
  Waf to{.block = from.mode == settings::WafMode::block,
         .refuse_over = from.when_over == settings::WhenOver::refuse,
         .pass_when_away = from.when_away == settings::WhenAway::pass,
         .body_max = from.body_max,
         .time_max = std::chrono::milliseconds(from.time_max_ms),
         .files = from.files.empty() ? waf::core_rules() : from.files,
         .says = description(from)};
  to.rules = waf::rules_id(to.files);
  const std::string paranoia = std::to_string(from.paranoia), threshold = std::to_string(from.threshold);
  waf::Terms terms{.rules = to.rules,
                   .time_max_ms = from.time_max_ms,
                   .arguments_max = from.arguments_max,
                   .value_max = uint32_t(from.value_max),
                   .variables = {{"paranoia_level", paranoia}, {"inbound_anomaly_score_threshold", threshold}},
                   .removed = std::move(*removed)};
  if (from.preset == settings::WafPreset::api)
    for (const auto& [name, value] : waf::api_variables()) terms.variables.push_back({name, value});
  to.terms = waf::write(terms);
  terms.part = true;
  to.terms_of_part = waf::write(terms);
  return to;
}

}  // namespace cardea::l7::policy
