#include "l7/door/source_address.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file_descriptor.h"
#include "l7/runtime/socket_address.h"

namespace cardea::l7::door {
namespace {
using namespace std::chrono_literals;
constexpr auto kKeptFor = 5s;  // until a route that changed is seen
}  // namespace

bool is_loopback(const IpAddress& address) {
  static constexpr IpAddress kV6Loopback{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  return address.is_v4() ? address.v4_data()[0] == 127 : address == kV6Loopback;
}

// A datagram socket that is connected sends nothing, but has been routed.
std::optional<IpAddress> kernel_source_towards(const IpAddress& to) {
  const FileDescriptor socket(::socket(address_family(to), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const SocketAddress there({to, 9});
  if (!socket || ::connect(socket.get(), there.data(), there.length) != 0) return std::nullopt;
  SocketAddress here;
  if (::getsockname(socket.get(), here.data(), &here.length) != 0) return std::nullopt;
  return here.endpoint().address;
}

size_t SourceAddress::Hash::operator()(const IpAddress& address) const {
  const auto* bytes = address.bytes.data();
  return size_t((load_native<uint64_t>(bytes) ^ load_native<uint64_t>(bytes + 8)) * 0x9e3779b97f4a7c15ull);
}

void SourceAddress::set_ports(std::vector<IpAddress> ports) {
  ports_ = std::move(ports);
  kept_.clear();
}

bool SourceAddress::is_port(const IpAddress& address) const {
  return ports_.empty() ? !is_loopback(address) : std::ranges::find(ports_, address) != ports_.end();
}

std::optional<IpAddress> SourceAddress::towards(const IpAddress& to, Instant now) {
  if (kept_.size() >= kKeptMax && !kept_.contains(to)) kept_.clear();
  Kept& kept = kept_[to];
  if (now < kept.until) return kept.source;
  kept.source = kernel_source_towards(to);
  // This host's own addresses lead to itself by the loopback interface, whatever they are.
  if (kept.source && (*kept.source == to || !is_port(*kept.source))) kept.source.reset();
  kept.until = now + kKeptFor;
  return kept.source;
}

}  // namespace cardea::l7::door
