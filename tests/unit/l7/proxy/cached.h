// A site whose cache has what a test's backend answered.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {

inline constexpr const char* kMinute = "Cache-Control: max-age=60\r\nETag: \"v1\"\r\n";
inline constexpr const char* kAskBackend = "Cache-Control: max-age=0\r\n";

// A client, and a backend that has answered /cached/a with "stored".
struct Cached {
  explicit Cached(std::string_view response = ok("stored", kMinute), const Site::Change& change = {})
      : site(change), client(site.client()), backend(fill(response)) {}
  Peer fill(std::string_view response) {
    client.send(get("/cached/a"));
    Peer its = site.origin().accept();
    its.message();
    its.send(response);
    client.message();
    EXPECT_EQ(site.log_line()["cache"], "miss");
    return its;
  }
  // What the client gets without the backend's help.
  std::string ask(std::string_view fields = "", std::string_view method = "GET") {
    client.send(get("/cached/a", fields, method));
    return method == "HEAD" ? client.head() : client.message();
  }
  Site site;
  Peer client, backend;
};

}  // namespace cardea::l7::proxy::test
