// Watches a client that waits for its response: what it sends ahead is kept for the next exchange, and when it goes away
// the exchange is told, so that no backend works for nobody.
#pragma once

#include "l7/runtime/waiter.h"

namespace cardea::l7::proxy {

class Exchange;

class ClientWatch : private Waiter {
 public:
  explicit ClientWatch(Exchange& exchange);
  ~ClientWatch() { stop(); }
  void start();
  void stop();

 private:
  void woken();
  Exchange& exchange_;
};

}  // namespace cardea::l7::proxy
