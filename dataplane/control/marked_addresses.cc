// As if the interfaces were shared once more, to give back what is there.
#include "dataplane/control/marked_addresses.h"

#include "dataplane/control/interface_addresses.h"

namespace cardea::dataplane {
namespace {

Result<> clear(std::span<const Port> ports, bool shared) {
  std::vector<int> indexes;
  std::set<uint16_t> all;
  for (const Port& port : ports) {
    if (port.shared != shared || port.interface_index == 0) continue;
    all.insert(uint16_t(indexes.size()));
    indexes.push_back(port.interface_index);
  }
  if (all.empty()) return {};
  auto netlink = Netlink::open(0);
  if (!netlink) return std::unexpected(std::move(netlink).error());
  InterfaceAddresses left(std::move(*netlink), std::move(indexes), std::move(all));
  if (auto done = left.find_own(); !done) return done;
  return left.give_back();
}

}  // namespace

Result<> clear_former_shares(std::span<const Port> ports) {
  return clear(ports, false);
}

Result<> clear_shares(std::span<const Port> ports) {
  return clear(ports, true);
}

}  // namespace cardea::dataplane
