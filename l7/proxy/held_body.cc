#include "l7/proxy/held_body.h"

#include "l7/proxy/exchange.h"

namespace cardea::l7::proxy {

// The head's own buffer stays: it is read to the end.
bool take_held(Exchange& x) {
  HeldBody& held = x.held_body;
  if (held.taken == held.pieces.size()) return false;
  Input& input = x.caller.input;
  if (!x.head_buffer) x.head_buffer = std::move(input.buffer);
  input = std::move(held.pieces[held.taken++]);
  return true;
}

}  // namespace cardea::l7::proxy
