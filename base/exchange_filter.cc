// Read by descent, a function for each level of binding.
#include "base/exchange_filter.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace cardea {
namespace {

using Operator = ExchangeFilter::Operator;
using Node = ExchangeFilter::Node;
using Read = std::expected<uint16_t, TextMistake>;  // a node's number

struct Spelling {
  std::string_view text;
  Operator is;
};
constexpr Spelling kComparisons[] = {{"==", Operator::kEqual},  {"!=", Operator::kUnequal}, {"=~", Operator::kLike},
                                     {"!~", Operator::kUnlike}, {"<=", Operator::kAtMost},  {">=", Operator::kAtLeast},
                                     {"=", Operator::kEqual},   {"<", Operator::kLess},     {">", Operator::kMore}};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' || c == '/' || c == ':' ||
         c == '*' || c == '[' || c == ']';
}

bool is_order(Operator is) {
  return is == Operator::kLess || is == Operator::kAtMost || is == Operator::kMore || is == Operator::kAtLeast;
}

bool is_likeness(Operator is) {
  return is == Operator::kLike || is == Operator::kUnlike;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::expected<std::vector<Node>, TextMistake> read() {
    const Read all = read_or(0);
    if (!all) return std::unexpected(all.error());
    skip_blanks();
    if (at_ != text_.size()) return mistake("what stands here joins nothing: && and || do");
    return std::move(nodes_);
  }

 private:
  std::unexpected<TextMistake> mistake(std::string message, std::string_view word = {}) const {
    return std::unexpected(TextMistake{at_, std::move(message), std::string(word)});
  }

  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view what) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  std::string_view take_word() {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  Read add(Node node) {
    if (nodes_.size() == kFilterNodesMax) return mistake("more comparisons than can be asked of each exchange");
    nodes_.push_back(std::move(node));
    return uint16_t(nodes_.size() - 1);
  }

  // What `read_one` reads, several times with `joint` between.
  template <typename ReadOne>
  Read read_joined(std::string_view joint, Operator is, ReadOne read_one) {
    Read left = read_one();
    while (left && take(joint)) {
      const Read right = read_one();
      if (!right) return right;
      left = add({.is = is, .left = *left, .right = *right, .text = {}});
    }
    return left;
  }
  Read read_or(size_t depth) {
    return read_joined("||", Operator::kOr, [&] { return read_and(depth); });
  }
  Read read_and(size_t depth) {
    return read_joined("&&", Operator::kAnd, [&] { return read_one(depth); });
  }

  Read read_one(size_t depth) {
    if (depth == kFilterDepthMax) return mistake("nested too deep");
    if (take("!")) {
      const Read denied = read_one(depth + 1);
      return denied ? add({.is = Operator::kNot, .left = *denied, .text = {}}) : denied;
    }
    if (!take("(")) return read_comparison();
    const Read inner = read_or(depth + 1);
    if (inner && !take(")")) return mistake("a ')' is missing");
    return inner;
  }

  std::optional<Operator> take_comparison() {
    for (const Spelling& one : kComparisons)
      if (take(one.text)) return one.is;
    return std::nullopt;
  }

  Read read_comparison() {
    skip_blanks();
    const size_t begin = at_;
    const std::string_view name = take_word();
    const auto field = exchange_field(name);
    if (!field) {
      at_ = begin;
      return mistake(name.empty() ? "a field's name is missing" : "there is no field \"" + std::string(name) + "\"", name);
    }
    Node node{.field = *field, .kind = row_of(*field).kind, .text = {}};
    const auto comparison = take_comparison();
    if (!comparison) return mistake("a comparison is missing: one of == != < <= > >= =~ !~");
    node.is = *comparison;
    return read_value(std::move(node), name);
  }

  Read read_value(Node node, std::string_view name) {
    const bool is_text = node.kind == FieldKind::kText;
    if (is_text && is_order(node.is)) return mistake(std::string(name) + " is a text: == != =~ !~ compare it");
    if (!is_text && is_likeness(node.is)) return mistake(std::string(name) + " is a number: =~ and !~ compare texts");
    skip_blanks();
    const size_t begin = at_;
    const auto value = take_value();
    if (!value) return std::unexpected(value.error());
    const auto put = is_likeness(node.is) ? put_pattern(node, *value)
                     : is_text            ? (node.text = *value, std::string())
                                          : put_number(node, *value);
    if (!put.empty()) {
      at_ = begin;
      return mistake(put);
    }
    return add(std::move(node));
  }

  std::expected<std::string, TextMistake> take_value() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '"' && quote != '\'') {
      const std::string_view word = take_word();
      if (word.empty()) return mistake("a value is missing");
      return std::string(word);
    }
    const size_t end = text_.find(quote, at_ + 1);
    if (end == text_.npos) return mistake("a quote is missing");
    const size_t begin = std::exchange(at_, end + 1) + 1;
    return std::string(text_.substr(begin, end - begin));
  }

  // What is wrong with it; empty: nothing.
  static std::string put_pattern(Node& node, const std::string& value) {
    auto pattern = Pattern::compile(value);
    if (!pattern) return pattern.error().message;
    node.pattern = std::move(*pattern);
    return {};
  }

  static std::string put_number(Node& node, std::string_view value) {
    if (node.kind == FieldKind::kFlag && (value == "true" || value == "false")) {
      node.number = value == "true";
      return {};
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), node.number);
    const std::string_view unit = value.substr(size_t(end - value.data()));
    const bool is_time = node.kind == FieldKind::kMilliseconds;
    if (is_time && unit == "s") node.number *= 1000;
    const bool known = unit.empty() || (is_time && (unit == "ms" || unit == "s"));
    if (error == std::errc{} && known && node.number >= 0 && node.number <= 1e18) return {};
    return "\"" + std::string(value) + "\" is no number" + (is_time ? " of milliseconds, nor \"500ms\" or \"2s\"" : "");
  }

  std::string_view text_;
  size_t at_ = 0;
  std::vector<Node> nodes_;
};

double number_of(const Node& node, const FieldValue& value) {
  if (node.kind != FieldKind::kMilliseconds) return double(value.number);
  return std::chrono::duration<double, std::milli>(value.time).count();
}

bool orders(Operator is, double value, double than) {
  switch (is) {
    case Operator::kLess:
      return value < than;
    case Operator::kAtMost:
      return value <= than;
    case Operator::kMore:
      return value > than;
    case Operator::kAtLeast:
      return value >= than;
    default:
      return (value == than) == (is == Operator::kEqual);
  }
}

}  // namespace

bool ExchangeFilter::compare(const Node& node, const FieldValue& value) {
  if (!value.present) return node.is == Operator::kUnequal || node.is == Operator::kUnlike;
  if (node.pattern) return node.pattern->matches(value.text) == (node.is == Operator::kLike);
  if (node.kind == FieldKind::kText) return (value.text == node.text) == (node.is == Operator::kEqual);
  return orders(node.is, number_of(node, value), node.number);
}

std::expected<ExchangeFilter, TextMistake> ExchangeFilter::parse(std::string_view text) {
  if (text.size() > kFilterBytesMax) return std::unexpected(TextMistake{0, "the condition is too long", {}});
  auto nodes = Reader(text).read();
  if (!nodes) return std::unexpected(nodes.error());
  ExchangeFilter filter;
  filter.nodes_ = std::move(*nodes);
  return filter;
}

}  // namespace cardea
