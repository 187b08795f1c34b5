// A client that speaks HTTP/2 in a test's hands: nghttp2's own client session over a Peer. What it sends is what the
// test says; raw frames can be put between.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/l7/http2/session_end.h"

namespace cardea::l7::http2::test {

struct Answer {
  std::string status;
  std::vector<std::string> informational;  // statuses
  Fields hints;                            // of all such heads
  Fields fields, trailers;
  std::string body;
  bool ended = false;             // by END_STREAM
  std::optional<uint32_t> reset;  // by RST_STREAM, with this code
  std::string value(std::string_view name) const { return value_of(fields, name); }
};

class Client : public SessionEnd {
 public:
  explicit Client(proxy::test::Site& site, const char* service = "shop");

  // ":method" and the like are given unless `fields` has them. Without `ends` a body follows.
  int32_t ask(std::string_view path, const Fields& fields = {}, bool ends = true, std::string_view method = "GET");
  void reset(int32_t stream, uint32_t code = NGHTTP2_CANCEL) { send_reset(stream, code); }
  void give_window(int32_t stream, int32_t bytes);  // and the connection

  // Until the stream has ended one way or another.
  const Answer& answer(int32_t stream);
  const Answer& so_far(int32_t stream);  // what came by now
  int32_t goaway_last() const { return goaway_last_; }
  size_t goaways() const { return goaways_; }
  uint32_t setting(nghttp2_settings_id id) const { return nghttp2_session_get_remote_settings(session_.get(), id); }

 private:
  struct Callbacks;

  std::map<int32_t, Answer> answers_;
  int32_t goaway_last_ = 0;
  size_t goaways_ = 0;
};

}  // namespace cardea::l7::http2::test
