// What text is to libconfig: settings, a text in quotes or a comment. Both of these may span lines, and inside them
// nothing that looks like an @include or a number is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cardea::conf {

class Lexer {
 public:
  bool plain() const { return state_ == State::kPlain; }

  // A line without its end.
  void pass(std::string_view line) {
    for (size_t i = 0; i < line.size(); ++i) i += step(line.substr(i));
    end_line();
  }

  // The first character of `rest`; returns how many beyond it belong to what was seen. Lines end with end_line().
  size_t step(std::string_view rest);
  void end_line() {
    if (state_ == State::kLineComment) state_ = State::kPlain;
  }

 private:
  enum class State : uint8_t { kPlain, kText, kComment, kLineComment };

  size_t begin(std::string_view rest);

  State state_ = State::kPlain;
};

}  // namespace cardea::conf
