// One end of an HTTP/2 connection in a test's hands: an nghttp2 session over a Peer, whichever side it is, and the
// bodies it sends. client.h and backend.h say what each side can do.
#pragma once

#include <nghttp2/nghttp2.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::http2::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

// The first of that name; none: "".
std::string value_of(const Fields& fields, std::string_view name);
// It views the fields.
std::vector<nghttp2_nv> list_of(const Fields& fields);

class SessionEnd {
 public:
  void send_body(int32_t stream, std::string_view bytes, bool ends);
  void end_with(int32_t stream, const Fields& trailers);  // behind the body so far
  void send_raw(std::string_view bytes) { peer_.send(bytes); }
  bool until(const std::function<bool()>& done);
  void pull();  // takes and sends what there is
  bool closed();
  // What the other end said at the end of the connection.
  std::optional<uint32_t> goaway() const { return goaway_; }
  proxy::test::Peer& peer() { return peer_; }
  nghttp2_session* session() { return session_.get(); }

 protected:
  SessionEnd(Loop& loop, proxy::test::Peer peer) : loop_(loop), peer_(std::move(peer)) {}
  void flush();
  void send_reset(int32_t stream, uint32_t code);
  // For requests and responses whose body follows; the session's user is the end.
  static nghttp2_data_provider provider() { return {.source = {.ptr = nullptr}, .read_callback = read_body}; }

  struct Free {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  struct Body {
    std::string bytes;
    bool ends = false;
    Fields trailers;
  };

  Loop& loop_;
  proxy::test::Peer peer_;
  std::unique_ptr<nghttp2_session, Free> session_;
  std::map<int32_t, Body> bodies_;
  std::optional<uint32_t> goaway_;

 private:
  static ssize_t read_body(nghttp2_session* session, int32_t stream, uint8_t* into, size_t room, uint32_t* flags,
                           nghttp2_data_source*, void* user);
};

}  // namespace cardea::l7::http2::test
