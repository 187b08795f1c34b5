// The Content-Disposition of a part of multipart/form-data (RFC 7578 4.2, RFC 6266 4.1): which parameters it has, and
// not which words occur in it: a field may be named "filename". Written for the firewall, so in doubt a part is none that
// a reader would take for a file.
#pragma once

#include <string_view>

namespace cardea::l7::waf {

struct Disposition {
  bool clear = false;  // there is one, and each reader finds the same parameters in it
  bool file = false;   // filename
  bool extended = false;  // filename*, of RFC 5987
};

// `head`: the part's header lines.
Disposition read_disposition(std::string_view head);

}  // namespace cardea::l7::waf
