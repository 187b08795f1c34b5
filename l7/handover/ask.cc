#include "l7/handover/ask.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "base/control_socket.h"
#include "base/log.h"
#include "l7/handover/messages.h"

namespace cardea::l7::handover {
namespace {

constexpr std::chrono::seconds kPatience{60};

Result<> hear(const FileDescriptor& socket) {
  auto answer = control::receive(socket.get(), kPatience);
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->verb != control::Verb::kAnswer) return fail("no other process takes over: " + answer->body);
  log::info("another process has taken over: {}", answer->body);
  return {};
}

}  // namespace

Result<std::optional<FileDescriptor>> ask(const std::string& plan_socket) {
  auto socket = control::connect(plan_socket);
  if (!socket) return std::unexpected(std::move(socket.error()));
  auto ends = make_ends();
  if (!ends) return std::unexpected(std::move(ends.error()));
  const control::Message request{.verb = control::Verb::kHandOver, .memfd = std::move(ends->predecessor)};
  if (auto sent = control::send(socket->get(), request); !sent) return std::unexpected(std::move(sent.error()));
  const pid_t successor = ::fork();
  if (successor < 0) return fail_errno("start the process that takes over");
  if (successor == 0) {
    ::setsid();
    return std::optional(std::move(ends->successor));
  }
  ends->successor.close();
  auto heard = hear(*socket);
  if (!heard) return std::unexpected(std::move(heard.error()));
  return std::nullopt;
}

}  // namespace cardea::l7::handover
