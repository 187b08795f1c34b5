#include "base/systemd.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/file_descriptor.h"

namespace cardea::systemd {
namespace {

// A name in the file system, or one in the abstract namespace behind an `@`.
bool address_of(std::string_view name, sockaddr_un& address, socklen_t& size) {
  address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (name.empty() || name.size() >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@')) return false;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  size = socklen_t(offsetof(sockaddr_un, sun_path) + name.size());
  return true;
}

// What does not reach it is seen there: it waits for what we have to say.
void tell(std::string_view lines) {
  const char* name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address;
  socklen_t size = 0;
  if (name == nullptr || !address_of(name, address, size)) return;
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return;
  (void)::sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 size);
}

int64_t number_from(const char* variable) {
  const char* text = std::getenv(variable);
  int64_t number = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), number);
  return number;
}

}  // namespace

void ready(std::string_view status) {
  tell(fmt::format("READY=1\nSTATUS={}\n", status));
}

void status(std::string_view status) {
  tell(fmt::format("STATUS={}\n", status));
}

void stopping() {
  tell("STOPPING=1\n");
}

Watchdog::Watchdog() {
  const int64_t pid = number_from("WATCHDOG_PID");
  if (pid == 0 || pid == ::getpid()) pause_ = std::chrono::microseconds(number_from("WATCHDOG_USEC")) / 4;
}

void Watchdog::feed(Instant now) {
  fed_ = now;
  tell("WATCHDOG=1\n");
}

}  // namespace cardea::systemd
