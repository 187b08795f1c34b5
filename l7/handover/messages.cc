#include "l7/handover/messages.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/descriptor_message.h"

namespace cardea::l7::handover {
namespace {

constexpr timeval kPatience{.tv_sec = 5, .tv_usec = 0};
constexpr size_t kDescriptorsMax = 250;  // in one packet; Linux carries 253 (SCM_MAX_FD)
constexpr size_t kSocketsMax = 1 << 16;
constexpr size_t kPacketMax = sizeof(uint64_t) * 4 + kSocketsMax;

enum class Kind : uint32_t { kProcess = 1, kSockets, kServing, kYours };

struct Head {
  static constexpr uint32_t kMagic = 0x4f48434c;  // "LCHO"
  static constexpr uint32_t kVersion = 1;
  uint32_t magic = kMagic, version = kVersion;
  Kind kind{};
  uint32_t entry_size = 0;  // of each that follows; what a newer version adds stands at its end
  uint32_t entries = 0;     // in this packet
  uint32_t total = 0;       // in all packets of this kind
  int32_t pid = 0;
  uint32_t reserved = 0;
};

struct Entry {
  std::array<uint8_t, 16> address;  // IPv4 as mapped
  uint32_t port, shard;
};

struct Packet {
  Head head;
  Bytes entries;
  std::vector<FileDescriptor> descriptors;
};

std::unexpected<Error> not_spoken() {
  return fail("the other cardea-l7 does not speak this version's hand-over");
}

Result<> send(int socket, Head head, Bytes entries, std::span<const int> descriptors) {
  std::array<iovec, 2> parts{iovec{&head, sizeof head},
                             iovec{const_cast<std::byte*>(entries.data()), entries.size()}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  give_descriptors(message, control, descriptors);
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) return fail_errno("speak to the other cardea-l7");
  return {};
}

Result<size_t> receive_bytes(int socket, MutableBytes into, std::vector<FileDescriptor>& descriptors) {
  iovec vector{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size < 0 && errno != ECONNRESET) return fail_errno("hear the other cardea-l7");
  if (size > 0) descriptors = take_descriptors(message);
  if (size <= 0) return fail("the other cardea-l7 has gone");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return not_spoken();
  return size_t(size);
}

Result<Packet> receive(int socket, Kind kind, std::vector<std::byte>& memory) {
  memory.resize(kPacketMax);
  Packet packet;
  auto size = receive_bytes(socket, memory, packet.descriptors);
  if (!size) return std::unexpected(std::move(size.error()));
  if (*size < sizeof(Head)) return not_spoken();
  std::memcpy(&packet.head, memory.data(), sizeof(Head));
  const Head& head = packet.head;
  packet.entries = Bytes(memory).subspan(sizeof(Head), *size - sizeof(Head));
  if (head.magic != Head::kMagic || head.version < 1 || head.kind != kind || head.total > kSocketsMax ||
      uint64_t{head.entries} * head.entry_size != packet.entries.size())
    return not_spoken();
  return packet;
}

Result<> send_sockets(int socket, std::span<const Offer::Listening> part, size_t total) {
  std::vector<Entry> entries;
  std::vector<int> descriptors;
  for (const auto& its : part) {
    entries.push_back({its.at.address.bytes, its.at.port, its.shard});
    descriptors.push_back(its.socket.get());
  }
  const Head head{.kind = Kind::kSockets,
                  .entry_size = sizeof(Entry),
                  .entries = uint32_t(entries.size()),
                  .total = uint32_t(total)};
  return send(socket, head, std::as_bytes(std::span(entries)), descriptors);
}

Result<> take_sockets(Packet& packet, std::vector<Offer::Listening>& into) {
  if (packet.head.entry_size < sizeof(Entry) || packet.head.entries == 0 ||
      packet.descriptors.size() != packet.head.entries)
    return not_spoken();
  for (size_t i = 0; i < packet.head.entries; ++i) {
    Entry entry;
    std::memcpy(&entry, packet.entries.data() + i * packet.head.entry_size, sizeof entry);
    if (entry.port > 0xffff) return not_spoken();
    into.push_back({{{entry.address}, uint16_t(entry.port)}, entry.shard, std::move(packet.descriptors[i])});
  }
  return {};
}

bool set_patience(int socket) {
  return ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience) == 0 &&
         ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience) == 0;
}

}  // namespace

Result<Ends> make_ends() {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return fail_errno("make a pair of sockets");
  Ends ends{FileDescriptor(pair[0]), FileDescriptor(pair[1])};
  if (!set_patience(pair[0]) || !set_patience(pair[1])) return fail_errno("limit how long a socket waits");
  return ends;
}

Result<> send_offer(int socket, const Offer& offer) {
  if (offer.sockets.size() > kSocketsMax)
    return fail(fmt::format("{} listening sockets are too many to be handed over", offer.sockets.size()));
  const std::array first{offer.plan_socket.get(), offer.log.get()};
  const Head head{.kind = Kind::kProcess,
                  .entry_size = 1,
                  .entries = uint32_t(offer.service_manager.size()),
                  .total = uint32_t(offer.sockets.size())};
  if (auto done = send(socket, head, std::as_bytes(std::span(offer.service_manager)), first); !done) return done;
  for (std::span<const Offer::Listening> rest = offer.sockets; !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), kDescriptorsMax));
    if (auto done = send_sockets(socket, part, offer.sockets.size()); !done) return done;
    rest = rest.subspan(part.size());
  }
  return {};
}

Result<Offer> receive_offer(int socket) {
  std::vector<std::byte> memory;
  auto first = receive(socket, Kind::kProcess, memory);
  if (!first) return std::unexpected(std::move(first.error()));
  if (first->descriptors.size() != 2) return not_spoken();
  Offer offer{.plan_socket = std::move(first->descriptors[0]), .log = std::move(first->descriptors[1]), .sockets = {}};
  offer.service_manager.assign(reinterpret_cast<const char*>(first->entries.data()), first->entries.size());
  while (offer.sockets.size() < first->head.total) {
    auto part = receive(socket, Kind::kSockets, memory);
    if (!part) return std::unexpected(std::move(part.error()));
    if (auto done = take_sockets(*part, offer.sockets); !done) return std::unexpected(std::move(done.error()));
  }
  return offer;
}

Result<> send_serving(int socket, const Serving& serving) {
  std::vector<std::byte> taken;
  for (const bool one : serving.taken) taken.push_back(std::byte{one});
  const auto count = uint32_t(taken.size());
  return send(socket, {.kind = Kind::kServing, .entry_size = 1, .entries = count, .total = count, .pid = serving.pid},
              taken, {});
}

Result<Serving> receive_serving(int socket, size_t offered) {
  std::vector<std::byte> memory;
  auto packet = receive(socket, Kind::kServing, memory);
  if (!packet) return std::unexpected(std::move(packet.error()));
  if (packet->head.entry_size != 1 || packet->head.entries != offered || packet->head.pid <= 0) return not_spoken();
  Serving serving{.pid = packet->head.pid, .taken = {}};
  for (const std::byte one : packet->entries) serving.taken.push_back(one != std::byte{0});
  return serving;
}

Result<> send_yours(int socket) {
  return send(socket, {.kind = Kind::kYours}, {}, {});
}

Result<> receive_yours(int socket) {
  std::vector<std::byte> memory;
  auto packet = receive(socket, Kind::kYours, memory);
  if (!packet) return std::unexpected(std::move(packet.error()));
  return {};
}

}  // namespace cardea::l7::handover
