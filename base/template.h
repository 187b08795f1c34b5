// Text with variables, as headers and messages of an operator's own are made of it: "ip=${client_address}",
// "${header:User-Agent}", "${cookie:session}", "${query:page}", "${jwt:sub}", "${path:1}". A '$' without a brace is itself; "$${" is
// "${". The words are variables.def. What they stand for, who evaluates a text knows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cardea {

enum class VariableId : uint8_t {
  kNone,
#define VARIABLE(id, word, from, meaning) id,
#include "base/variables.def"
#undef VARIABLE
  kHeader,  // of the request, by name
  kCookie,
  kQueryParameter,
  kJwtClaim,
  kPathGroup,  // of the route's regular expression
};

// When a text is made: of a request that goes on, or of its response.
enum class Moment : uint8_t { kRequest, kResponse };

struct Variable {
  VariableId id = VariableId::kNone;
  std::string name;  // of those that are one of many
  bool operator==(const Variable&) const = default;
};

class Template {
 public:
  struct Piece {
    std::string text;  // before the variable
    Variable variable;  // kNone: the text is the last
    bool operator==(const Piece&) const = default;
  };

  // Refuses braces that do not close and words that are none, or are not known at that moment.
  static Result<Template> parse(std::string_view text, Moment moment);

  const std::vector<Piece>& pieces() const { return pieces_; }
  bool is_fixed() const { return pieces_.size() == 1 && pieces_.front().variable.id == VariableId::kNone; }
  bool operator==(const Template&) const = default;

 private:
  std::vector<Piece> pieces_;
};

// What can stand between the braces at that moment: "client_address", …, "header:NAME".
struct VariableWord {
  std::string word, meaning;
};
std::vector<VariableWord> variable_words(Moment moment);

}  // namespace cardea
