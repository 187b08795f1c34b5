#include "base/l7_door_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/descriptor_message.h"

namespace cardea {
namespace {

constexpr uint32_t kMagic = 0x4c37'6401;  // its last byte: the protocol's number
constexpr size_t kDescriptorsMax = 1 + L7Door::kWorkersMax + L7Door::kShardsMax;
constexpr size_t kWordsMax = 512;  // of a refusal

struct Request {
  uint32_t magic, shards;
};

// The memory and the bells beside it, in this order, or words.
struct Reply {
  uint32_t magic, instance, workers, shards;
  char words[kWordsMax];
};

struct Packet {
  size_t size = 0;
  std::vector<FileDescriptor> descriptors;
};

Result<Packet> receive(int socket, MutableBytes into) {
  iovec vector{into.data(), into.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control;
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && errno == EAGAIN)
    return fail("the other side of the door has not answered yet", Origin::kSelf, Retry::kSafe);
  if (size < 0) return fail_errno("receive from the door's socket");
  Packet packet{size_t(size), take_descriptors(message)};
  if (size == 0) return fail("the other side of the door has gone");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return fail("a message at the door's socket is too large");
  return packet;
}

Result<> send(int socket, Bytes bytes, const std::vector<int>& descriptors) {
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kDescriptorsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  give_descriptors(message, control, descriptors);
  if (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return fail_errno("send to the door's socket");
  return {};
}

template <typename T>
Bytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

std::unexpected<Error> another_version() {
  return fail("who is at the door's socket does not speak this version's protocol");
}

}  // namespace

Result<> ask_for_door(int socket, const DoorRequest& request) {
  return send(socket, bytes_of(Request{kMagic, request.shards}), {});
}

Result<DoorRequest> receive_door_request(int socket) {
  Request request{};
  auto packet = receive(socket, std::as_writable_bytes(std::span(&request, 1)));
  if (!packet) return std::unexpected(std::move(packet).error());
  if (packet->size != sizeof request || request.magic != kMagic) return another_version();
  if (request.shards < 1 || request.shards > L7Door::kShardsMax)
    return fail(fmt::format("a door for {} shards was asked for; 1 to {} can have one", request.shards,
                            L7Door::kShardsMax));
  return DoorRequest{request.shards};
}

Result<> hand_over(int socket, const L7Door& door, const std::vector<FileDescriptor>& worker_bells,
                   const std::vector<FileDescriptor>& shard_bells, uint32_t instance) {
  std::vector<int> descriptors{door.memory_fd()};
  for (const FileDescriptor& bell : worker_bells) descriptors.push_back(bell.get());
  for (const FileDescriptor& bell : shard_bells) descriptors.push_back(bell.get());
  return send(socket, bytes_of(Reply{kMagic, instance, door.shape().workers, door.shape().shards, {}}), descriptors);
}

void refuse_door(int socket, const std::string& why) {
  Reply reply{kMagic, 0, 0, 0, {}};
  std::ranges::copy(std::string_view(why).substr(0, kWordsMax - 1), reply.words);
  [[maybe_unused]] const Result<> sent = send(socket, bytes_of(reply), {});
}

Result<DoorHandover> receive_door(int socket) {
  Reply reply{};
  auto packet = receive(socket, std::as_writable_bytes(std::span(&reply, 1)));
  if (!packet) return std::unexpected(std::move(packet).error());
  if (packet->size != sizeof reply || reply.magic != kMagic) return another_version();
  reply.words[kWordsMax - 1] = 0;
  std::vector<FileDescriptor>& given = packet->descriptors;
  if (given.empty()) return fail(fmt::format("the dataplane gives no door: {}", reply.words));
  if (reply.workers > L7Door::kWorkersMax || reply.shards > L7Door::kShardsMax || reply.instance >= kInstances ||
      given.size() != size_t{1} + reply.workers + reply.shards)
    return another_version();
  DoorHandover door{.memory = std::move(given[0]), .worker_bells = {}, .shard_bells = {}, .instance = reply.instance};
  for (size_t i = 1; i < given.size(); ++i)
    (i <= reply.workers ? door.worker_bells : door.shard_bells).push_back(std::move(given[i]));
  return door;
}

}  // namespace cardea
