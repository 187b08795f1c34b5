// From whom a message comes. A client's grammar is read as it stands, because what another reader would take otherwise is
// how requests are smuggled. A backend's is read with the few leniencies that leave nothing in doubt: all that is sent on is
// written anew, so nobody behind us sees what was forgiven. They are:
//   blanks between a header's name and its colon (RFC 9112 5.1 wants them removed), and in trailers, which end here;
//   blanks behind a chunk's size, and anything printable behind its semicolon;
//   one Content-Length said several times over, as long as it is one number.
// Not forgiven, because two readers would part: bare LF, folded lines, both lengths at once, an unknown coding.
#pragma once

#include <cstdint>

namespace cardea::l7::http {

enum class Sender : uint8_t { kClient, kBackend };

}  // namespace cardea::l7::http
