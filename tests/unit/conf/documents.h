// Documents for tests: a good one, and ways to look at what a reader says about others.
#pragma once

#include <algorithm>
#include <string>

#include "conf/findings_text.h"
#include "conf/read.h"

namespace cardea::conf {

inline const std::string kGood = R"(
cluster: { name = "edge-1"; seed = "0123456789abcdef0123456789abcdef"; };
dataplane: {
  workers = [2, 3]; flows = "10M"; poll = "busy";
  ports = ( { name = "wan"; device = "0000:3b:00.0"; addresses = ["192.0.2.2/24", "2001:db8::2/64"]; gateway = "192.0.2.1"; } );
};
pools = (
  { name = "web";
    backends = ( { address = "10.0.0.11:8080"; weight = 3; }, { address = "10.0.0.12:8080"; } );
    health: { type = "http"; path = "/health"; expect = [200, 204]; interval = "500ms"; timeout = "250ms"; port = 81; };
  } );
services = ( { name = "shop"; listen = ["203.0.113.10:80/tcp"]; pool = "web"; } );
)";

inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  return at == text.npos ? "the text to be replaced is not there: " + from : text.replace(at, from.size(), to);
}

// One thing changed in a document, and what is said about it.
struct Case {
  const char *from, *to, *said;
};

// All findings, one a line.
inline std::string said_about(const std::string& text) {
  std::string all;
  for (const Finding& finding : read_text(text, "t.cfg").findings) all += line_of(finding) + "\n";
  return all;
}

}  // namespace cardea::conf
