#include "conf/units.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <span>

#include "conf/quote.h"

namespace cardea::conf {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr Unit kDurations[] = {{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit kSizes[] = {{"TiB", 1ull << 40},
                           {"TB", 1'000'000'000'000},
                           {"GiB", 1 << 30},
                           {"GB", 1'000'000'000},
                           {"MiB", 1 << 20},
                           {"MB", 1'000'000},
                           {"KiB", 1024},
                           {"kB", 1000},
                           {"KB", 1000},  // as many write it
                           {"B", 1}};
constexpr Unit kCounts[] = {{"G", 1'000'000'000}, {"M", 1'000'000}, {"k", 1000}, {"", 1}};

struct Step {
  uint64_t value;
  const Unit* unit;
};

std::unexpected<Error> refuse(std::string message) {
  return fail(std::move(message), Origin::kOperator);
}

std::string names_of(std::span<const Unit> units) {
  std::string names;
  for (const Unit& unit : units) {
    if (unit.name.empty()) continue;
    names.append(names.empty() ? "" : ", ").append(unit.name);
  }
  return names;
}

bool letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

const Unit* find_unit(std::string_view name, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (unit.name == name) return &unit;
  return nullptr;
}

// Takes one number with its unit off the front of `rest`.
Result<Step> take(std::string_view& rest, std::string_view whole, std::span<const Unit> units) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error == std::errc::result_out_of_range) return refuse(fmt::format("{} is too large", in_quotes(whole)));
  if (error != std::errc{} && rest.size() == whole.size())
    return refuse(fmt::format("{} does not begin with a number", in_quotes(whole)));
  if (error != std::errc{})
    return refuse(fmt::format("{} has {} where a number should be", in_quotes(whole), in_quotes(rest.substr(0, 1))));
  rest.remove_prefix(size_t(end - rest.data()));
  if (rest.starts_with('.')) return refuse(fmt::format("{} has a fraction: use a smaller unit", in_quotes(whole)));
  size_t letters = 0;
  while (letters < rest.size() && letter(rest[letters])) ++letters;
  const std::string_view name = rest.substr(0, letters);
  const Unit* unit = find_unit(name, units);
  if (unit == nullptr && name.empty()) {
    return refuse(
        rest.empty() ? fmt::format("{} has no unit", in_quotes(whole))
                     : fmt::format("{} has {} where a unit should be", in_quotes(whole), in_quotes(rest.substr(0, 1))));
  }
  if (unit == nullptr)
    return refuse(
        fmt::format("{} has the unknown unit {} (known: {})", in_quotes(whole), in_quotes(name), names_of(units)));
  rest.remove_prefix(letters);
  uint64_t value = 0;
  if (__builtin_mul_overflow(number, unit->factor, &value))
    return refuse(fmt::format("{} is too large", in_quotes(whole)));
  return Step{value, unit};
}

// Units as other products spell them, in small letters, and what is written for them here.
struct Spelling {
  std::string_view other;
  std::string_view ours;
};
constexpr Spelling kSizeSpellings[] = {{"t", "TB"},    {"tb", "TB"},   {"g", "GB"},  {"gb", "GB"},   {"m", "MB"},
                                       {"mb", "MB"},   {"k", "kB"},    {"kb", "kB"}, {"tib", "TiB"}, {"gib", "GiB"},
                                       {"mib", "MiB"}, {"kib", "KiB"}, {"b", "B"},   {"bytes", "B"}};
constexpr Spelling kDurationSpellings[] = {
    {"h", "h"}, {"hour", "h"}, {"hours", "h"},  {"m", "m"},       {"min", "m"}, {"minute", "m"}, {"minutes", "m"},
    {"s", "s"}, {"sec", "s"},  {"second", "s"}, {"seconds", "s"}, {"ms", "ms"}, {"msec", "ms"},  {"millis", "ms"}};
constexpr Spelling kCountSpellings[] = {{"k", "k"}, {"m", "M"}, {"g", "G"}, {"b", "G"}};

// One whole number with a unit of another spelling; a blank may stand between them.
std::string meant(std::string_view text, std::span<const Spelling> spellings) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string unit;
  for (const char c : text.substr(digits))
    if (c != ' ') unit += char(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  if (digits == 0) return {};
  for (const Spelling& spelling : spellings)
    if (spelling.other == unit) return fmt::format("{}{}", text.substr(0, digits), spelling.ours);
  return {};
}

Result<uint64_t> parse_one(std::string_view text, std::span<const Unit> units) {
  std::string_view rest = text;
  const auto step = take(rest, text, units);
  if (!step) return std::unexpected(step.error());
  if (!rest.empty()) return refuse(fmt::format("{} has {} behind its unit", in_quotes(text), in_quotes(rest)));
  return step->value;
}

std::string text_of(uint64_t value, std::span<const Unit> units) {
  for (const Unit& unit : units)
    if (value >= unit.factor && value % unit.factor == 0) return fmt::format("{}{}", value / unit.factor, unit.name);
  return fmt::format("0{}", units.back().name);
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr uint64_t kMax = uint64_t(1) << 53;
  std::string_view rest = text;
  uint64_t total = 0, factor_before = UINT64_MAX;
  do {
    const auto step = take(rest, text, kDurations);
    if (!step) return std::unexpected(step.error());
    if (step->unit->factor >= factor_before)
      return refuse(fmt::format("{} has its units out of order: h, m, s, ms", in_quotes(text)));
    factor_before = step->unit->factor;
    if (step->value > kMax || (total += step->value) > kMax)
      return refuse(fmt::format("{} is too large", in_quotes(text)));
  } while (!rest.empty());
  return std::chrono::milliseconds(total);
}

Result<uint64_t> parse_size(std::string_view text) {
  return parse_one(text, kSizes);
}
Result<uint64_t> parse_count(std::string_view text) {
  return parse_one(text, kCounts);
}

// What would be refused itself, being too large, is not proposed.
std::string size_meant(std::string_view text) {
  std::string proposal = meant(text, kSizeSpellings);
  return parse_size(proposal) ? proposal : "";
}
std::string duration_meant(std::string_view text) {
  std::string tight(text);
  std::erase(tight, ' ');
  std::string proposal = parse_duration(tight) ? tight : meant(text, kDurationSpellings);
  return parse_duration(proposal) ? proposal : "";
}
std::string count_meant(std::string_view text) {
  std::string proposal = meant(text, kCountSpellings);
  return parse_count(proposal) ? proposal : "";
}

std::string range_meant(std::string_view text) {
  constexpr unsigned kShownMax = 16;
  unsigned first = 0, last = 0;
  const char* const end = text.data() + text.size();
  const auto one = std::from_chars(text.data(), end, first);
  if (one.ec != std::errc{} || one.ptr == end || *one.ptr != '-') return {};
  const auto other = std::from_chars(one.ptr + 1, end, last);
  if (other.ec != std::errc{} || other.ptr != end || last <= first || last - first >= kShownMax) return {};
  std::string all = std::to_string(first);
  while (first < last) all += fmt::format(", {}", ++first);
  return "[" + all + "]";
}

std::string duration_text(std::chrono::milliseconds duration) {
  return text_of(uint64_t(duration.count()), kDurations);
}
std::string size_text(uint64_t bytes) {
  return text_of(bytes, kSizes);
}
std::string count_text(uint64_t count) {
  return text_of(count, kCounts);
}

}  // namespace cardea::conf
