#include "base/control_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/descriptor_message.h"

namespace cardea::control {
namespace {

using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

// A message is one packet with this head (and the memfd), then its body in packets that fit any socket buffer.
struct Head {
  static constexpr uint32_t kMagic = 0x434c5043;  // "CPLC"
  uint32_t magic;
  Verb verb;
  uint64_t generation;
  uint32_t body_size;
  Code code;
};
constexpr size_t kChunk = 32 << 10;
constexpr milliseconds kSendDeadline{5000};  // a peer that does not read for so long is given up

Outcome<> wait_for(int socket, short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{socket, events, 0};
    const int ready = ::poll(&wanted, 1, int(std::clamp<int64_t>(left.count(), 0, 1 << 30)));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return fail_errno("wait for the plan socket");
    if (left.count() <= 0)
      return std::unexpected(
          Failure({"the peer of the plan socket did not answer in time", Origin::kSelf, Retry::kSafe}, Code::kLate));
  }
}

std::unexpected<Failure> closed() {
  return std::unexpected(Failure({"plan socket closed by its peer", Origin::kSelf, Retry::kSafe}, Code::kClosed));
}

std::unexpected<Failure> socket_failure(std::string_view what) {
  if (errno == EPIPE || errno == ECONNRESET) return closed();
  return std::unexpected(Failure(fail_errno(what).error()));
}

Outcome<> send_packet(int socket, Bytes bytes, int memfd, Deadline deadline) {
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{.msg_iov = &vector, .msg_iovlen = 1};
  if (memfd >= 0) give_descriptors(message, control, std::span(&memfd, 1));
  for (;;) {
    if (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return socket_failure("send to the plan socket");
    if (auto ready = wait_for(socket, POLLOUT, deadline); !ready) return ready;
  }
}

struct Packet {
  size_t size = 0;
  std::optional<FileDescriptor> memfd;
};

Outcome<Packet> receive_packet(int socket, MutableBytes into, Deadline deadline) {
  iovec vector{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control;
  for (;;) {
    msghdr message{
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.data(), .msg_controllen = control.size()};
    const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      if (auto ready = wait_for(socket, POLLIN, deadline); !ready) return std::unexpected(std::move(ready.error()));
      continue;
    }
    if (size < 0) return socket_failure("receive from the plan socket");
    auto descriptors = take_descriptors(message);
    if (size == 0) return closed();
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || descriptors.size() > 1)
      return fail("the peer of the plan socket does not speak its protocol: packet too large or too many descriptors");
    Packet packet{size_t(size), {}};
    if (!descriptors.empty()) packet.memfd = std::move(descriptors[0]);
    return packet;
  }
}

bool known(Verb verb) {
  constexpr std::array kVerbs{Verb::kAdopt,   Verb::kUpdatePools, Verb::kAsk,   Verb::kHandOver,
                              Verb::kAdopted, Verb::kRefused,     Verb::kAnswer};
  return std::ranges::find(kVerbs, verb) != kVerbs.end();
}

Result<> check(const Head& head, size_t received) {
  if (received != sizeof head || head.magic != Head::kMagic || !known(head.verb))
    return fail(
        "the peer of the plan socket does not speak its protocol: not a message's head, or one of another version");
  if (head.body_size > kBodyMax)
    return fail(
        fmt::format("a message of {} bytes came over the plan socket, at most {} are read", head.body_size, kBodyMax));
  return {};
}

// A code that a newer peer knows and this one does not is a refusal like any other.
Code code_of(const Head& head) {
  if (head.verb != Verb::kRefused) return Code::kNone;
  return head.code == Code::kNone || head.code > Code::kLastSent ? Code::kOther : head.code;
}

bool carries_text(Verb verb) {
  return verb == Verb::kAsk || verb == Verb::kAnswer || verb == Verb::kRefused;
}

Outcome<Message> with_body_beside(const Message& message) {
  if (!carries_text(message.verb) || message.body.size() > kTextMax)
    return fail(fmt::format("a message of {} bytes is too long for the plan socket: at most {}", message.body.size(),
                            kTextMax));
  auto memfd = seal("cardea text", std::as_bytes(std::span(message.body)));
  if (!memfd) return std::unexpected(std::move(memfd.error()));
  return Message{message.verb, message.generation, {}, std::move(*memfd), message.code};
}

Outcome<Message> with_body_inside(Message message) {
  auto text = SealedMapping::map(*message.memfd, kTextMax);
  if (!text) return std::unexpected(std::move(text.error()).in("a long text over the plan socket"));
  message.body.assign(reinterpret_cast<const char*>(text->bytes().data()), text->bytes().size());
  message.memfd.reset();
  return message;
}

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(fmt::format("socket path \"{}\" has to have 1 to {} bytes", path, sizeof address.sun_path - 1),
                Origin::kOperator);
  std::ranges::copy(path, address.sun_path);
  return address;
}

Result<FileDescriptor> new_socket() {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("make a socket");
  return socket;
}

// A file that a dead process left behind may go; one that somebody answers at may not.
Result<> remove_stale(const std::string& path) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return fail(fmt::format("{} exists and is not a socket: remove it", path), Origin::kOperator);
  if (connect(path)) return fail(fmt::format("another process listens at {}: stop it first", path), Origin::kOperator);
  if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
  return {};
}

}  // namespace

Message refusal(const Failure& why, uint64_t generation) {
  return {.verb = Verb::kRefused, .generation = generation, .body = why.message, .memfd = {}, .code = why.code};
}

Outcome<> send(int socket, const Message& message) {
  if (message.body.size() > kBodyMax) {
    auto beside = with_body_beside(message);
    return beside ? send(socket, *beside) : std::unexpected(std::move(beside.error()));
  }
  const Deadline deadline = std::chrono::steady_clock::now() + kSendDeadline;
  const Head head{Head::kMagic, message.verb, message.generation, uint32_t(message.body.size()), message.code};
  const int memfd = message.memfd ? message.memfd->get() : -1;
  if (auto sent = send_packet(socket, std::as_bytes(std::span(&head, 1)), memfd, deadline); !sent) return sent;
  for (Bytes rest = std::as_bytes(std::span(message.body)); !rest.empty();) {
    const Bytes chunk = rest.first(std::min(rest.size(), kChunk));
    if (auto sent = send_packet(socket, chunk, -1, deadline); !sent) return sent;
    rest = rest.subspan(chunk.size());
  }
  return {};
}

Outcome<Message> receive(int socket, milliseconds deadline_after) {
  const Deadline deadline = std::chrono::steady_clock::now() + deadline_after;
  Head head{};
  auto first = receive_packet(socket, std::as_writable_bytes(std::span(&head, 1)), deadline);
  if (!first) return std::unexpected(std::move(first.error()));
  if (auto good = check(head, first->size); !good) return std::unexpected(std::move(good.error()));
  Message message{head.verb, head.generation, std::string(head.body_size, '\0'), std::move(first->memfd),
                  code_of(head)};
  MutableBytes rest = std::as_writable_bytes(std::span(message.body));
  while (!rest.empty()) {
    auto packet = receive_packet(socket, rest, deadline);
    if (!packet) {  // half a message is read: this connection is of no more use
      Error error = std::move(static_cast<Error&>(packet.error())).in("in the middle of a message");
      error.retry = Retry::kNever;
      return std::unexpected(Failure(std::move(error), packet.error().code));
    }
    if (packet->memfd) return fail("the peer of the plan socket does not speak its protocol: descriptor inside a body");
    rest = rest.subspan(packet->size);
  }
  if (carries_text(head.verb) && message.memfd) return with_body_inside(std::move(message));
  return message;
}

Result<FileDescriptor> listen(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  if (auto removed = remove_stale(path); !removed) return std::unexpected(std::move(removed.error()));
  auto socket = new_socket();
  if (!socket) return socket;
  // The mode of the socket before bind() is the mode of its file, less the umask: it is never open wider than this.
  ::fchmod(socket->get(), 0660);
  if (::bind(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0)
    return fail_errno("bind " + path);
  if (::chmod(path.c_str(), 0660) != 0) return fail_errno("change the mode of " + path);
  if (::listen(socket->get(), kBacklog) != 0) return fail_errno("listen at " + path);
  return socket;
}

Result<FileDescriptor> accept(int listener) {
  for (;;) {
    FileDescriptor socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) return socket;
    if (errno != EINTR) return fail_errno("accept on the plan socket");
  }
}

Result<FileDescriptor> connect(const std::string& path) {
  const auto address = address_of(path);
  if (!address) return std::unexpected(address.error());
  auto socket = new_socket();
  if (!socket) return socket;
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    auto failure = fail_errno("connect to " + path);
    failure.error().retry = Retry::kSafe;
    return failure;
  }
  return socket;
}

}  // namespace cardea::control
