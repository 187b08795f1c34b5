#include "l7/http2/trailer_text.h"

#include "l7/http2/block_rules.h"

namespace cardea::l7::http2 {

bool write_trailer_text(std::string& into, const HeaderBlock& block) {
  into.clear();
  if (block.too_large()) return false;
  for (size_t i = 0; i < block.size(); ++i) {
    if (block[i].name.starts_with(':') || judge_field(block[i]) != http::Fault::kNone) return false;
    into.append(block[i].name).append(": ").append(block[i].value).append("\r\n");
  }
  return true;
}

}  // namespace cardea::l7::http2
