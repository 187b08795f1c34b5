// The far end of one of the proxy's connections, in a test's hands: a client or a backend that says what the test says,
// when the test says it, and shows byte for byte what came. Waiting runs the proxy's loop; a test whose bytes do not come
// fails after some seconds instead of hanging.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "l7/runtime/loop.h"

namespace cardea::l7::proxy::test {

// Runs turns until `done`; false: it never was.
bool run_until(Loop& loop, const std::function<bool()>& done);
// Lets everything happen that is going to.
void settle(Loop& loop);

class Peer {
 public:
  Peer(Loop& loop, FileDescriptor socket);

  void send(std::string_view text);            // all of it, however long the proxy takes
  size_t send_what_fits(std::string_view text);  // as much as goes without the proxy
  // Takes what came up to `text` and with it.
  std::string until(std::string_view text);
  std::string head() { return until("\r\n\r\n"); }
  std::string take(size_t bytes);
  std::string what_came();  // by now; does not wait
  void put_back(std::string_view text) { got_.insert(0, text); }  // to be taken again
  // A head and its body, as Content-Length or chunks say; chunks stay as they came.
  std::string message();
  std::string rest();  // everything until the proxy ends the connection; how: reset()
  // Nothing came, and the connection is open.
  bool silent();
  bool ended();  // the proxy closed, or closed its half
  bool reset() const { return reset_; }

  void finish();  // sends no more, still reads
  void close();
  void abort();  // by RST
  void hold_little();  // small kernel buffers, so that what the proxy holds shows
  int fd() const { return socket_.get(); }

 private:
  void pull();
  bool await(const std::function<bool()>& done);

  Loop* loop_;
  FileDescriptor socket_;
  std::string got_;
  bool ended_ = false, reset_ = false;
};

}  // namespace cardea::l7::proxy::test
