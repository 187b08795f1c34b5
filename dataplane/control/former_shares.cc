// As if they were shared once more, to give back what is there.
#include "dataplane/control/former_shares.h"

#include "dataplane/control/interface_addresses.h"

namespace cardea::dataplane {

Result<> clear_former_shares(std::span<const Port> ports) {
  std::vector<int> indexes;
  std::set<uint16_t> all;
  for (const Port& port : ports) {
    if (port.shared || port.interface_index == 0) continue;
    all.insert(uint16_t(indexes.size()));
    indexes.push_back(port.interface_index);
  }
  auto netlink = Netlink::open(0);
  if (!netlink) return std::unexpected(std::move(netlink).error());
  InterfaceAddresses left(std::move(*netlink), std::move(indexes), std::move(all));
  if (auto done = left.find_own(); !done) return done;
  return left.give_back();
}

}  // namespace cardea::dataplane
