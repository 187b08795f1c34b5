#include "base/systemd.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

#include "base/file_descriptor.h"

namespace cardea::systemd {
namespace {

constexpr const char* kHandedOn[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC"};

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

void succeeded_by(pid_t pid) {
  tell(fmt::format("MAINPID={}\n", pid));
}

std::string known() {
  std::string lines;
  for (const char* name : kHandedOn)
    if (const char* const value = std::getenv(name)) lines += fmt::format("{}={}\n", name, value);
  return lines;
}

void know(std::string_view lines) {
  ::unsetenv("WATCHDOG_PID");  // of the process that was started
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const size_t equals = line.find('=');
    if (equals == line.npos) continue;
    const std::string name(line.substr(0, equals)), value(line.substr(equals + 1));
    if (std::ranges::find(kHandedOn, name) != std::end(kHandedOn)) ::setenv(name.c_str(), value.c_str(), 1);
  }
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
