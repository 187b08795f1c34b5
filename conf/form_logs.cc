// Forms of what access logs are told: where lines go, how they look, which exchanges have one. cardea-l7 reads them by the
// same code (base/line_format.h, base/exchange_filter.h, base/log_target.h).
#include <fmt/format.h>

#include "base/exchange_filter.h"
#include "base/line_format.h"
#include "base/log_target.h"
#include "conf/form.h"
#include "conf/nearest.h"
#include "conf/quote.h"

namespace cardea::conf {
namespace {

using Kind = Node::Kind;

std::unexpected<Mistake> refuse(std::string message = {}, std::string nearest = {}) {
  return std::unexpected(Mistake{std::move(message), std::move(nearest)});
}

std::vector<std::string> field_names() {
  std::vector<std::string> names;
  for (const ExchangeFieldRow& row : exchange_fields()) names.emplace_back(row.name);
  return names;
}

// What other programs call a field, where the names are not alike.
std::string field_meant(const std::string& word) {
  static constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
      {"remote_addr", "client_address"}, {"remote_port", "client_port"}, {"request_uri", "target"},
      {"uri", "target"},                 {"http_user_agent", "user_agent"}, {"http_referer", "referer"},
      {"body_bytes_sent", "bytes_out"},  {"bytes_sent", "bytes_out"},    {"request_length", "bytes_in"},
      {"request_time", "t_total_ms"},    {"duration", "t_total_ms"},     {"upstream_addr", "backend"},
      {"server", "backend"},             {"time_local", "clf_time"},     {"time_iso8601", "ts"},
      {"request_id", "id"},              {"upstream_cache_status", "cache"}};
  for (const auto& [theirs, ours] : kElsewhere)
    if (word == theirs) return std::string(ours);
  return nearest(word, field_names());
}

// The whole text as it was probably meant: with another field's name.
std::unexpected<Mistake> refuse_text(const std::string& text, const TextMistake& mistake) {
  const std::string message = fmt::format("{}: {}, at character {}", in_quotes(text), mistake.message, mistake.at + 1);
  const std::string meant = mistake.word.empty() ? "" : field_meant(mistake.word);
  const size_t at = meant.empty() ? text.npos : text.find(mistake.word, mistake.at);
  if (at == text.npos) return refuse(message);
  return refuse(message, text_literal(std::string(text).replace(at, mistake.word.size(), meant)));
}

}  // namespace

Form<std::string> log_target() {
  return {"target",
          "an absolute path, \"stderr\", \"stdout\", \"journald\", \"syslog\", \"syslog:/dev/log\" or "
          "\"syslog:192.0.2.9:514\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            if (parse_log_target(node.text)) return node.text;
            if (parse_log_target("syslog:" + node.text + ":514")) return refuse({}, text_literal("syslog:" + node.text + ":514"));
            if (parse_log_target("syslog:" + node.text)) return refuse({}, text_literal("syslog:" + node.text));
            return refuse({}, node.text == "journal" ? "\"journald\"" : "");
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> line_format() {
  return {"format",
          "\"json\", \"clf\", \"combined\", \"httplog\", or text with fields such as \"${client_address} ${status}\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            const auto read = parse_line_format(node.text);
            if (read) return node.text;
            if (const std::string form = nearest(node.text, format_names()); !form.empty() && node.text.find('$') == std::string::npos)
              return refuse({}, text_literal(form));
            return refuse_text(node.text, read.error());
          },
          [](const std::string& value) { return text_literal(value); }};
}

Form<std::string> exchange_filter() {
  return {"condition",
          "comparisons of fields such as \"status >= 500 && t_total_ms > 2s\"",
          {},
          [](const Node& node) -> std::expected<std::string, Mistake> {
            if (node.kind != Kind::kText) return refuse();
            const auto read = ExchangeFilter::parse(node.text);
            return read ? std::expected<std::string, Mistake>(node.text) : refuse_text(node.text, read.error());
          },
          [](const std::string& value) { return text_literal(value); }};
}

}  // namespace cardea::conf
