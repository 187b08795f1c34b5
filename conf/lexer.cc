#include "conf/lexer.h"

namespace cardea::conf {

size_t Lexer::step(std::string_view rest) {
  switch (state_) {
    case State::kPlain:
      return begin(rest);
    case State::kText:
      if (rest[0] == '\\') return 1;
      if (rest[0] == '"') state_ = State::kPlain;
      return 0;
    case State::kComment:
      if (!rest.starts_with("*/")) return 0;
      state_ = State::kPlain;
      return 1;
    case State::kLineComment:
      return rest.size();
  }
  return 0;
}

size_t Lexer::begin(std::string_view rest) {
  if (rest[0] == '"') state_ = State::kText;
  if (rest[0] == '#' || rest.starts_with("//")) state_ = State::kLineComment;
  if (!rest.starts_with("/*")) return 0;
  state_ = State::kComment;
  return 1;
}

}  // namespace cardea::conf
