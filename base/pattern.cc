#include "base/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <charconv>

namespace cardea {
namespace {

// Texts can be made that leave RE2 nothing but to try every step of an expression at every byte: 16 KB of a header cost
// 0.1 s with as many steps, and a shard does nothing else meanwhile.
constexpr int kStepsMax = 2500;
// Where its groups are, RE2 finds at a tenth of that speed and less: of 16 KB in 8 ms at worst.
constexpr int kGroupStepsMax = 100;

Result<std::shared_ptr<const RE2>> compiled_of(std::string_view text, bool with_groups) {
  RE2::Options options(RE2::Latin1);  // bytes: a request's text may be of any encoding
  options.set_log_errors(false);
  options.set_never_capture(!with_groups);
  options.set_dot_nl(true);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<const RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!compiled->ok()) return fail("\"" + std::string(text) + "\" is no regular expression: " + compiled->error());
  const int most = with_groups ? kGroupStepsMax : kStepsMax;
  if (compiled->ProgramSize() > most)
    return fail(fmt::format("\"{}\" is too much to match{}: {} steps, {} are possible; what is counted, as in x{{1,99}}, is "
                            "a step for each", text, with_groups ? " where its groups are used" : "", compiled->ProgramSize(), most));
  return compiled;
}

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text) {
  auto compiled = compiled_of(text, false);
  if (!compiled) return std::unexpected(std::move(compiled.error()));
  return Pattern(std::move(*compiled));
}

Result<Pattern> Pattern::compile_with_groups(std::string_view text) {
  auto compiled = compiled_of(text, true);
  if (!compiled) return std::unexpected(std::move(compiled.error()));
  Pattern pattern(std::move(*compiled));
  if (pattern.groups() > kGroupsMax)
    return fail(fmt::format("\"{}\" has {} groups, {} are possible where they are used", text, pattern.groups(), kGroupsMax));
  return pattern;
}

bool Pattern::find(std::string_view whole, Groups& groups) const {
  std::array<re2::StringPiece, kGroupsMax + 1> found;
  const re2::StringPiece text(whole.data(), whole.size());
  if (!compiled_->Match(text, 0, text.size(), RE2::ANCHOR_BOTH, found.data(), int(this->groups()) + 1)) return false;
  for (size_t i = 0; i <= this->groups(); ++i) groups[i] = {found[i].data(), found[i].size()};
  return true;
}

size_t Pattern::groups() const {
  return size_t(compiled_->NumberOfCapturingGroups());
}

std::optional<size_t> Pattern::group(std::string_view name) const {
  const auto& named = compiled_->NamedCapturingGroups();
  if (const auto found = named.find(std::string(name)); found != named.end()) return size_t(found->second);
  size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0 || number > groups()) return std::nullopt;
  return number;
}

bool Pattern::matches(std::string_view whole) const {
  return RE2::FullMatch(re2::StringPiece(whole.data(), whole.size()), *compiled_);
}

const std::string& Pattern::text() const {
  return compiled_->pattern();
}

}  // namespace cardea
