// A backend that speaks HTTP/2 in a test's hands: nghttp2's own server session over a Peer. What it answers is what the
// test says; raw frames can be put between.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/l7/http2/client.h"
#include "tests/unit/l7/http2/session_end.h"

namespace cardea::l7::http2::test {

struct Asked {
  Fields fields, trailers;
  std::string body;
  bool head = false;              // is here
  bool ended = false;             // by END_STREAM
  bool closed = false;            // by whomever
  std::optional<uint32_t> reset;  // by RST_STREAM, with this code
  std::string value(std::string_view name) const { return value_of(fields, name); }
};

class Backend : public SessionEnd {
 public:
  using Settings = std::vector<nghttp2_settings_entry>;
  // The next connection of the proxy's to this origin, waited for.
  Backend(proxy::test::Site& site, proxy::test::Origin& origin, const Settings& settings = {});
  explicit Backend(proxy::test::Site& site) : Backend(site, site.origin()) {}

  int32_t next();                           // the next call's stream, once its head is here
  bool nobody_asks();                       // even after everything happened that is going to
  const Asked& asked(int32_t stream) { return asked_[stream]; }
  const Asked& whole(int32_t stream);       // until its end
  const Asked& over(int32_t stream);        // until its stream is closed
  const Asked& so_far(int32_t stream);      // what came by now

  void inform(int32_t stream, const std::string& status, const Fields& fields = {});
  // Without `ends` a body follows.
  void answer(int32_t stream, const std::string& status, const Fields& fields = {}, bool ends = true);
  void answer_with(int32_t stream, const std::string& status, const Fields& fields, std::string_view body);
  void reset(int32_t stream, uint32_t code) { send_reset(stream, code); }
  void go_away(int32_t last, uint32_t code = NGHTTP2_NO_ERROR);
  void set(const Settings& settings);
  size_t pings() const { return pings_; }

 private:
  struct Callbacks;

  std::map<int32_t, Asked> asked_;
  std::deque<int32_t> came_;
  size_t pings_ = 0;
};

}  // namespace cardea::l7::http2::test
