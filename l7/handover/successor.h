// The process that takes over, as the one sees it that is replaced: offered the sockets, waited for. Until it has said
// that it serves, nothing has changed here; whatever fails leaves it so. It is not started from here: while a process
// starts another, its descriptors are that one's too, and what it closes then its epoll goes on to report.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "l7/handover/messages.h"

namespace cardea::l7::handover {

class Successor {
 public:
  // `socket`: the predecessor's end.
  static Result<Successor> greet(FileDescriptor socket, const Offer& offer, Instant now);

  int fd() const { return socket_.get(); }  // readable when look() has something to say
  // Nothing: it is still on its way. An Error: it will not serve.
  std::optional<Result<Serving>> look(Instant now);
  // Behind look()'s Serving: all is its own from here on.
  Result<> let_go() { return send_yours(socket_.get()); }

 private:
  Successor(FileDescriptor socket, size_t offered, Instant until)
      : socket_(std::move(socket)), offered_(offered), until_(until) {}

  FileDescriptor socket_;
  size_t offered_;
  Instant until_;
};

}  // namespace cardea::l7::handover
