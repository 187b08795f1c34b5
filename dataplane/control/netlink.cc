// The netlink conversation itself: sequence numbers, acknowledgements, dumps that arrive in parts.
#include "dataplane/control/netlink.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace cardea::dataplane {
namespace {

constexpr size_t kReceiveBytes = 65536;  // the kernel fills up to 32 KB a part of a dump
constexpr int kSocketBuffer = 4 << 20;   // changes that wait while we are busy: 10,000 routes are about 1 MB

std::string extended_words(const nlmsghdr& message) {
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message));
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const size_t echoed = (message.nlmsg_flags & NLM_F_CAPPED) != 0 ? 0 : error->msg.nlmsg_len - sizeof(nlmsghdr);
  std::string words;
  each_attribute(message, sizeof(nlmsgerr) + echoed, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
      words = mnl_attr_get_str(attribute);
  });
  return words;
}

}  // namespace

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags) : message_(mnl_nlmsg_put_header(buffer_.data())) {
  message_->nlmsg_type = type;
  message_->nlmsg_flags = uint16_t(NLM_F_REQUEST | flags);
}

Result<Netlink> Netlink::open(uint32_t groups) {
  FileDescriptor fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail_errno("open a netlink socket");
  sockaddr_nl address{.nl_family = AF_NETLINK, .nl_groups = groups};
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return fail_errno("bind a netlink socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBuffer, sizeof kSocketBuffer) < 0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  return Netlink(std::move(fd));
}

Result<> Netlink::send(NetlinkRequest& request) {
  request.message()->nlmsg_seq = ++sequence_;
  if (::send(fd_.get(), request.message(), request.message()->nlmsg_len, 0) < 0) return fail_errno("send to netlink");
  return {};
}

int Netlink::run_errno(NetlinkRequest& request) {
  kernel_words_.clear();
  request.message()->nlmsg_flags |= NLM_F_ACK;
  if (!send(request)) return errno;
  alignas(nlmsghdr) std::array<char, 8192> buffer;
  while (true) {
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (int left = int(got); mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence_ || message->nlmsg_type != NLMSG_ERROR) continue;
      kernel_words_ = extended_words(*message);
      return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error;
    }
  }
}

Result<> Netlink::run(NetlinkRequest& request) {
  const int number = run_errno(request);
  if (number == 0) return {};
  return fail_errno(kernel_words_.empty() ? "the kernel refused" : "the kernel refused (" + kernel_words_ + ")",
                    number);
}

Result<> Netlink::dump(NetlinkRequest& request, const NetlinkMessage& each) {
  request.message()->nlmsg_flags |= NLM_F_DUMP;
  if (auto sent = send(request); !sent) return sent;
  const auto buffer = std::make_unique<char[]>(kReceiveBytes);
  while (true) {
    const ssize_t got = ::recv(fd_.get(), buffer.get(), kReceiveBytes, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read a netlink dump");
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.get());
    for (int left = int(got); mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if (message->nlmsg_seq != sequence_) continue;
      if (message->nlmsg_type == NLMSG_DONE) return {};
      if (message->nlmsg_type == NLMSG_ERROR)
        return fail_errno("netlink dump", -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message))->error);
      each(*message);
    }
  }
}

Result<> Netlink::receive(const NetlinkMessage& each) {
  const auto buffer = std::make_unique<char[]>(kReceiveBytes);
  while (true) {
    const ssize_t got = ::recv(fd_.get(), buffer.get(), kReceiveBytes, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return {};
    if (got < 0 && errno == ENOBUFS) return fail("overrun", Origin::kSelf, Retry::kSafe);
    if (got < 0) return fail_errno("read netlink changes");
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.get());
    for (int left = int(got); mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) each(*message);
  }
}

}  // namespace cardea::dataplane
