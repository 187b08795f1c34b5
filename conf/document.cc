#include "conf/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <libconfig.h++>
#include <limits>

#include "conf/foreign.h"
#include "conf/quote.h"
#include "conf/repeated_lists.h"
#include "conf/syntax.h"
#include "conf/wide_numbers.h"

namespace cardea::conf {
namespace {

constexpr unsigned kDepthMax = 32;

struct Reading {
  const Source& source;
  Findings& findings;
};

std::string_view line_of(std::string_view text, unsigned number) {
  size_t at = 0;
  while (--number > 0 && at < text.size()) at = std::min(text.find('\n', at), text.size() - 1) + 1;
  return text.substr(at, text.find('\n', at) - at);
}

void read_scalar(const libconfig::Setting& setting, Node& node) {
  using libconfig::Setting;
  switch (setting.getType()) {
    case Setting::TypeBoolean:
      node.kind = Node::Kind::kBoolean;
      node.boolean = bool(setting);
      return;
    case Setting::TypeInt:
    case Setting::TypeInt64:
      node.kind = Node::Kind::kInteger;
      node.integer = setting.getType() == Setting::TypeInt ? int(setting) : static_cast<long long>(setting);
      return;
    case Setting::TypeFloat:
      node.kind = Node::Kind::kReal;
      node.real = double(setting);
      return;
    case Setting::TypeString: {
      node.kind = Node::Kind::kText;
      const char* text = setting.c_str();
      node.text = text != nullptr ? text : "";
      return;
    }
    default:
      return;
  }
}

Node tree_of(const libconfig::Setting& setting, unsigned depth, Reading& reading) {
  Node node;
  if (setting.getName() != nullptr) node.name = setting.getName();
  node.line = setting.getSourceLine();
  if (!setting.isAggregate()) {
    read_scalar(setting, node);
    if (node.kind == Node::Kind::kInteger && std::abs(node.integer) == std::numeric_limits<int64_t>::max())
      node.text = digits_beyond_64_bits(line_of(reading.source.text, node.line));
    return node;
  }
  node.kind = setting.isGroup() ? Node::Kind::kGroup : setting.isArray() ? Node::Kind::kArray : Node::Kind::kList;
  if (depth == kDepthMax) {
    reading.findings.push_back({Finding::error,
                                reading.source.place(node.line),
                                fmt::format("settings are nested deeper than {} levels", kDepthMax),
                                {},
                                {}});
    return node;
  }
  node.children.reserve(size_t(setting.getLength()));
  for (int i = 0; i < setting.getLength(); ++i) {
    // A syntax error may leave a setting behind whose value never came.
    if (setting[i].getType() != libconfig::Setting::TypeNone)
      node.children.push_back(tree_of(setting[i], depth + 1, reading));
  }
  return node;
}

Finding foreign_finding(const Source& source, unsigned line, std::string_view language) {
  return {Finding::error,
          source.place(line),
          fmt::format(
              "this is written in the language of {}, not in Cardea's",
              language == "nginx" || language == "HAProxy" ? fmt::format("{}'s configuration", language) : language),
          "name = value; name: { … }; name = ( { … }, { … } ); `cardea help config` explains every setting",
          {}};
}

Finding syntax_finding(const Source& source, unsigned line, std::string_view error) {
  const bool duplicate = error.starts_with("duplicate");
  const SyntaxCause cause = duplicate ? duplicate_cause(source, line) : syntax_cause(source, line);
  Finding finding{Finding::error, source.place(cause.line != 0 ? cause.line : line), {}, cause.expected, cause.nearest};
  finding.message = cause.message.empty() ? std::string(error) : fmt::format("{}: {}", error, cause.message);
  if (error.starts_with("mismatched")) finding.message = "the elements of an array are not all of one type";
  if (cause.message.empty() && error == "syntax error")
    finding.expected = "name = value; name: { … }; or name = ( { … }, { … } ); here or on a line before";
  return finding;
}

}  // namespace

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kBoolean:
      return node.boolean ? "true" : "false";
    case Node::Kind::kInteger:
      return node.text.empty() ? fmt::format("the number {}", node.integer) : "the number " + node.text;
    case Node::Kind::kReal:
      return fmt::format("the number {}", node.real);
    case Node::Kind::kText:
      return fmt::format("the text {}", in_quotes(node.text));
    case Node::Kind::kGroup:
      return "a group { … }";
    case Node::Kind::kArray:
      return "an array [ … ]";
    case Node::Kind::kList:
      return "a list ( … )";
  }
  return {};
}

Document parse_document(const Source& source, Findings& findings) {
  libconfig::Config config;
  // Includes are already in the text; should libconfig still see one, it must not open anything.
  config.setIncludeDir("/dev/null");
  Document document;
  Reading reading{source, findings};
  try {
    const auto repeated = with_repeated_lists(source.text);
    const std::string& text = repeated ? *repeated : source.text;
    const auto widened = with_wide_numbers(text);
    config.readString(widened ? *widened : text);
  } catch (const libconfig::ParseException& failure) {
    const auto line = unsigned(failure.getLine());
    document.complete = false;
    document.cut_line = line;
    if (const std::string_view foreign = foreign_language(source.text); !foreign.empty()) {
      findings.push_back(foreign_finding(source, line, foreign));
      return document;  // what was read of it by chance means nothing
    }
    findings.push_back(syntax_finding(source, line, failure.getError()));
  }
  document.root = tree_of(config.getRoot(), 0, reading);
  join_repeated_lists(document.root);
  return document;
}

}  // namespace cardea::conf
