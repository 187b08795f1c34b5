// A client that speaks HTTP/2 in a test's hands: nghttp2's own client session over a Peer. What it sends is what the
// test says; raw frames can be put between.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::http2::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Answer {
  std::string status;
  std::vector<std::string> informational;
  Fields fields, trailers;
  std::string body;
  bool ended = false;             // by END_STREAM
  std::optional<uint32_t> reset;  // by RST_STREAM, with this code
  std::string value(std::string_view name) const;
};

class Client {
 public:
  explicit Client(proxy::test::Site& site, const char* service = "shop");

  // ":method" and the like are given unless `fields` has them. Without `ends` a body follows.
  int32_t ask(std::string_view path, const Fields& fields = {}, bool ends = true, std::string_view method = "GET");
  void send_body(int32_t stream, std::string_view bytes, bool ends);
  void reset(int32_t stream, uint32_t code = NGHTTP2_CANCEL);
  void give_window(int32_t stream, int32_t bytes);  // and the connection
  void send_raw(std::string_view bytes) { peer_.send(bytes); }

  // Until the stream has ended one way or another.
  const Answer& answer(int32_t stream);
  const Answer& so_far(int32_t stream);  // what came by now
  bool until(const std::function<bool()>& done);
  void pull();  // takes and sends what there is
  // What the server said at the end of the connection.
  std::optional<uint32_t> goaway() const { return goaway_; }
  int32_t goaway_last() const { return goaway_last_; }
  size_t goaways() const { return goaways_; }
  bool closed() {
    const bool ended = peer_.ended();
    pull();  // what came before
    return ended;
  }
  proxy::test::Peer& peer() { return peer_; }
  nghttp2_session* session() { return session_.get(); }
  uint32_t setting(nghttp2_settings_id id) const { return nghttp2_session_get_remote_settings(session_.get(), id); }

 private:
  struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  struct Callbacks;
  struct Body {
    std::string bytes;
    bool ends = false;
  };
  void flush();

  Loop& loop_;
  proxy::test::Peer peer_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, Body> bodies_;
  std::optional<uint32_t> goaway_;
  int32_t goaway_last_ = 0;
  size_t goaways_ = 0;
};

}  // namespace cardea::l7::http2::test
