// The process that is replaced, as its successor sees it: it gives its sockets, hears that they are served, and lets go.
#pragma once

#include <utility>

#include "base/error.h"
#include "l7/handover/messages.h"

namespace cardea::l7::handover {

class Predecessor {
 public:
  // `socket`: the successor's end. From here on this process writes where that one writes, and knows the service
  // manager that it knows.
  static Result<Predecessor> meet(FileDescriptor socket);

  Offer take_offer() { return std::move(offer_); }
  // Says that this process serves, and hears that it goes on alone. An Error: it was given up.
  Result<> succeed(const Serving& serving);

 private:
  Predecessor(FileDescriptor socket, Offer offer) : socket_(std::move(socket)), offer_(std::move(offer)) {}
  FileDescriptor socket_;
  Offer offer_;
};

}  // namespace cardea::l7::handover
