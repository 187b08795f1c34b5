#include "conf/tokens.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace cardea::conf {
namespace {

bool sign(char c) {
  return std::string_view("{}[]()=:;,").contains(c);
}
bool blank(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {
    while (skip_blank(), !rest_.empty()) {
      const unsigned line = line_;
      Token::Kind kind = Token::Kind::kWord;
      const size_t length = measure(kind);
      all_.push_back({kind, take(length), line});
    }
  }

  std::vector<Token> take_all() { return std::move(all_); }

 private:
  std::string_view take(size_t length) {
    length = std::min(length, rest_.size());
    const std::string_view taken = rest_.substr(0, length);
    line_ += unsigned(std::ranges::count(taken, '\n'));
    rest_.remove_prefix(length);
    return taken;
  }

  size_t comment() const {
    if (rest_.starts_with('#') || rest_.starts_with("//")) return rest_.find('\n');
    if (!rest_.starts_with("/*")) return 0;
    const size_t end = rest_.find("*/", 2);
    return end == rest_.npos ? end : end + 2;
  }

  void skip_blank() {
    while (!rest_.empty()) {
      const size_t length = blank(rest_[0]) ? 1 : comment();
      if (length == 0) return;
      take(length);
    }
  }

  size_t measure(Token::Kind& kind) const {
    if (sign(rest_[0])) {
      kind = Token::Kind::kSign;
      return 1;
    }
    if (rest_[0] == '"') return measure_text(kind);
    if (const size_t quoted = measure_single_quotes(); quoted != 0) return quoted;
    size_t length = 1;
    // Colons belong to a word such as 10.0.0.1:80, not to `name:`.
    while (length < rest_.size() && !blank(rest_[length]) && rest_[length] != '"' && rest_[length] != '#' &&
           (!sign(rest_[length]) || colon_inside(length)))
      ++length;
    return length;
  }

  // 'web' and "my web" alike are one word, on one line, though only the latter is text here.
  size_t measure_single_quotes() const {
    const size_t end = rest_[0] == '\'' ? rest_.find_first_of("'\n", 1) : rest_.npos;
    return end != rest_.npos && rest_[end] == '\'' ? end + 1 : 0;
  }

  bool colon_inside(size_t at) const {
    return rest_[at] == ':' && at + 1 < rest_.size() && std::isalnum(static_cast<unsigned char>(rest_[at + 1])) != 0;
  }

  size_t measure_text(Token::Kind& kind) const {
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        kind = Token::Kind::kText;
        return i + 1;
      }
    }
    kind = Token::Kind::kUnended;
    return rest_.size();
  }

  std::string_view rest_;
  unsigned line_ = 1;
  std::vector<Token> all_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view text) {
  return Reader(text).take_all();
}

bool is(const Token& token, char c) {
  return token.kind == Token::Kind::kSign && token.text[0] == c;
}
bool opens(const Token& token) {
  return is(token, '{') || is(token, '[') || is(token, '(');
}
bool closes(const Token& token) {
  return is(token, '}') || is(token, ']') || is(token, ')');
}
bool assigns(const Token& token) {
  return is(token, '=') || is(token, ':');
}

}  // namespace cardea::conf
