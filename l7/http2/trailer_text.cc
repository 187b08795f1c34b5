#include "l7/http2/trailer_text.h"

#include "l7/http/header_id.h"
#include "l7/http2/block_rules.h"

namespace cardea::l7::http2 {

bool may_be_trailer(std::string_view name) {
  return !name.starts_with(':') && !name.starts_with("content-") && http::header_id(name) == http::HeaderId::kOther &&
         http::look_alike_of(name) == http::HeaderId::kOther;
}

void write_trailer_text(std::string& into, const HeaderBlock& block) {
  into.clear();
  if (block.too_large()) return;
  for (size_t i = 0; i < block.size(); ++i) {
    if (!may_be_trailer(block[i].name) || judge_field(block[i]) != http::Fault::kNone) continue;
    into.append(block[i].name).append(": ").append(block[i].value).append("\r\n");
  }
}

}  // namespace cardea::l7::http2
