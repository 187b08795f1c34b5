#include "conf/syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <vector>

#include "conf/nearest.h"
#include "conf/quote.h"
#include "conf/tokens.h"

namespace cardea::conf {
namespace {

char partner(char opening) {
  return opening == '{' ? '}' : opening == '[' ? ']' : ')';
}

bool is_literal(std::string_view word) {
  std::string lower(word);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  if (lower == "true" || lower == "false") return true;
  if (lower.starts_with("0x")) return lower.find_first_not_of("0123456789abcdef", 2) == lower.npos;
  const size_t end = lower.find_first_not_of("+-0123456789.e");
  return end == lower.npos ? std::ranges::count(lower, '.') < 2 : lower.substr(end) == "l" || lower.substr(end) == "ll";
}


struct Neighbours {
  const Token& one;
  const Token& other;
  const Token* after;  // null at the end
  char inside;         // the innermost open bracket; 0: none
};

// Is `other` in a place where a value is due?
bool value_due(const Neighbours& at) {
  const bool in_group = at.inside == '{' || at.inside == 0;
  return assigns(at.one) || is(at.one, '[') || is(at.one, '(') || (is(at.one, ',') && !in_group);
}

// What word processors make of quotes is no quotes here.
std::string without_curly_quotes(std::string word) {
  for (const std::string_view quote : {"“", "”", "„", "‘", "’", "‚"})
    for (size_t at = word.find(quote); at != word.npos; at = word.find(quote)) word.erase(at, quote.size());
  return word;
}

// Two neighbours that cannot stand beside each other, each a cause of its own.
SyntaxCause cause_of(const Neighbours& at) {
  using Kind = Token::Kind;
  const auto& [one, other, after, inside] = at;
  const std::string word(other.text.substr(0, 60));
  if (value_due(at) && other.kind == Kind::kWord && after != nullptr && assigns(*after) && inside == '(')
    return {fmt::format("{} stands in a list without a group around it", word), "( { name = value; … }, … )",
            other.line};
  if (value_due(at) && other.kind == Kind::kWord && word.size() > 1 && word.front() == '\'' && word.back() == '\'')
    return {fmt::format("{} stands in single quotes", word), text_literal(word.substr(1, word.size() - 2)), other.line};
  if (value_due(at) && other.kind == Kind::kWord && !is_literal(other.text) && !boolean_meant(word).empty())
    return {fmt::format("{} stands without quotes", word), "true or false, or a text in double quotes", other.line,
            boolean_meant(word)};
  if (value_due(at) && other.kind == Kind::kWord && !is_literal(other.text))
    return {fmt::format("{} stands without quotes", word), fmt::format("\"{}\"", without_curly_quotes(word)),
            other.line};
  if (is(one, ',') && closes(other))
    return {fmt::format("a comma before '{}' promises another element", other.text), "no comma behind the last one",
            one.line};
  if (is(one, '[') && (is(other, '{') || is(other, '(')))
    return {"an array [ ] holds plain values only", "a list ( ) for groups: ( { … }, { … } )", one.line};
  if (is(one, '}') && is(other, '{')) return {"no comma between two groups of a list", "}, {", one.line};
  if (inside != '{' && inside != 0 && !is(one, ',') && !opens(one) && !closes(other) && !is(other, ','))
    return {fmt::format("no comma between {} and {}", one.text.substr(0, 60), word), "commas between elements",
            one.line};
  if (one.kind == Kind::kWord && (other.kind == Kind::kText || other.kind == Kind::kWord) && !is_literal(one.text))
    return {fmt::format("no '=' between {} and {}", one.text.substr(0, 60), word), "name = value;", one.line};
  return {};
}

// "line 7", or "pools.cfg:7" when that is not the file of the line `seen_from`.
std::string line_text(const Source& source, unsigned line, unsigned seen_from) {
  const Place place = source.place(line);
  if (place.file == source.place(seen_from).file) return fmt::format("line {}", place.line);
  return fmt::format("{}:{}", place.file, place.line);
}

// Walks to the token the parser gave up at, and on for brackets.
class Walk {
 public:
  Walk(const Source& source, const std::vector<Token>& tokens) : source_(source), tokens_(tokens) {}

  SyntaxCause until(unsigned line) {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.kind == Token::Kind::kUnended)
        return {"the text that begins here never ends", "a closing double quote", token.line};
      if (is(token, ';') && !open_.empty() && !is(open_.back(), '{'))
        return unclosed(open_.back(), " before this ';'", token.line);
      if (i > 0) {
        const Token* after = i + 1 < tokens_.size() ? &tokens_[i + 1] : nullptr;
        const auto cause = cause_of({tokens_[i - 1], token, after, open_.empty() ? char(0) : open_.back().text[0]});
        if (!cause.message.empty()) return cause;
      }
      if (opens(token)) open_.push_back(token);
      if (closes(token)) {
        if (open_.empty()) return {fmt::format("'{}' closes nothing", token.text), {}, token.line};
        if (token.text[0] != partner(open_.back().text[0])) return mismatch(token);
        open_.pop_back();
      }
      if (token.line > line) return {};
    }
    return open_.empty() ? SyntaxCause{} : unclosed(open_.back(), "", open_.back().line);
  }

 private:
  SyntaxCause unclosed(const Token& opening, std::string_view where, unsigned line) const {
    return {fmt::format("the '{}' of {} is not closed{}", opening.text, line_text(source_, opening.line, line), where),
            std::string(1, partner(opening.text[0])), line};
  }

  SyntaxCause mismatch(const Token& token) const {
    const Token& opening = open_.back();
    return {fmt::format("'{}' does not close the '{}' of {}", token.text, opening.text,
                        line_text(source_, opening.line, token.line)),
            std::string(1, partner(opening.text[0])), token.line};
  }

  const Source& source_;
  const std::vector<Token>& tokens_;
  std::vector<Token> open_;
};

}  // namespace

SyntaxCause syntax_cause(const Source& source, unsigned line) {
  const std::vector<Token> tokens = tokens_of(source.text);
  // Texts may span lines, but few do: before a syntax error, one that does has most likely lost its closing quote.
  for (const Token& token : tokens) {
    if (token.line <= line && token.kind == Token::Kind::kText && token.text.contains('\n'))
      return {"the text that begins here does not end on its line", "a closing double quote", token.line};
  }
  return Walk(source, tokens).until(line);
}

SyntaxCause duplicate_cause(const Source& source, unsigned line) {
  const std::vector<Token> tokens = tokens_of(source.text);
  std::vector<std::map<std::string_view, unsigned>> groups(1);
  for (size_t i = 0; i + 1 < tokens.size() && tokens[i].line <= line; ++i) {
    if (opens(tokens[i])) groups.emplace_back();
    if (closes(tokens[i]) && groups.size() > 1) groups.pop_back();
    if (tokens[i].kind != Token::Kind::kWord || !assigns(tokens[i + 1])) continue;
    const auto [first, fresh] = groups.back().emplace(tokens[i].text, tokens[i].line);
    if (fresh) continue;
    return {fmt::format("{} is set twice in the same group, first on {}", tokens[i].text.substr(0, 60),
                        line_text(source, first->second, tokens[i].line)),
            "each setting once; the elements of a list each in a group of their own", tokens[i].line};
  }
  return {};
}

}  // namespace cardea::conf
