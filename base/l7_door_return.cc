#include "base/l7_door_return.h"

#include <sys/socket.h>

namespace cardea {

void say_that_it_comes_back(int socket) {
  [[maybe_unused]] const auto sent = ::send(socket, "r", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool comes_back(int socket) {
  char word;
  return ::recv(socket, &word, sizeof word, MSG_DONTWAIT) > 0;
}

}  // namespace cardea
