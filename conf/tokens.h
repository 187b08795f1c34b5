// The words of a document as libconfig separates them, for what has to be known before it reads them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace cardea::conf {

struct Token {
  enum class Kind : uint8_t { kSign, kText, kWord, kUnended };
  Kind kind;
  std::string_view text;
  unsigned line;
};

// Without comments. They view `text`.
std::vector<Token> tokens_of(std::string_view text);

bool is(const Token& token, char sign);
bool opens(const Token& token);  // {, [ or (
bool closes(const Token& token);
bool assigns(const Token& token);  // = or :

}  // namespace cardea::conf
