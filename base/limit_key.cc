#include "base/limit_key.h"

#include <algorithm>
#include <span>

namespace cardea {

bool goes_by_address(const Template& key) {
  const auto& first = key.pieces().front();
  if (!first.text.empty()) return false;
  if (key.is_fixed()) return true;
  const auto rest = std::span(key.pieces()).subspan(1);
  return first.variable.id == VariableId::kClientAddress && std::ranges::all_of(rest, [](const Template::Piece& piece) {
           return piece.text.empty() && piece.variable.id == VariableId::kNone;
         });
}

}  // namespace cardea
