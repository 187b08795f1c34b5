#include "base/pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace cardea {
namespace {

// Texts can be made that leave RE2 nothing but to try every step of an expression at every byte: 16 KB of a header cost
// 0.1 s with as many steps, and a shard does nothing else meanwhile.
constexpr int kStepsMax = 2500;

}  // namespace

Result<Pattern> Pattern::compile(std::string_view text) {
  RE2::Options options(RE2::Latin1);  // bytes: a request's text may be of any encoding
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_dot_nl(true);
  options.set_max_mem(1 << 20);
  auto compiled = std::make_shared<const RE2>(re2::StringPiece(text.data(), text.size()), options);
  if (!compiled->ok()) return fail("\"" + std::string(text) + "\" is no regular expression: " + compiled->error());
  if (compiled->ProgramSize() > kStepsMax)
    return fail(fmt::format("\"{}\" is too much to match: {} steps, {} are possible; what is counted, as in x{{1,99}}, is "
                            "a step for each", text, compiled->ProgramSize(), kStepsMax));
  return Pattern(std::move(compiled));
}

bool Pattern::matches(std::string_view whole) const {
  return RE2::FullMatch(re2::StringPiece(whole.data(), whole.size()), *compiled_);
}

const std::string& Pattern::text() const {
  return compiled_->pattern();
}

}  // namespace cardea
