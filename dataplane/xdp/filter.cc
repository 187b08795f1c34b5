// Filling the maps of share.bpf.c.
#include "dataplane/xdp/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/control_socket.h"
#include "dataplane/xdp/share_program.h"

namespace cardea::dataplane::xdp {
namespace {

ServiceKey key_of(const TakenPort& port) {
  return {std::bit_cast<Address>(port.address.bytes), port.port_be, uint8_t(port.protocol), 0};
}

Address key_of(const IpAddress& address) {
  return std::bit_cast<Address>(address.bytes);
}

std::string text_of(const TakenPort& port) {
  return fmt::format("{} {}", Endpoint{port.address, __builtin_bswap16(port.port_be)}.text(), name(port.protocol));
}

// Of both, so that nothing that is taken is given back. A plan's NAT range is changed by a restart alone, and there is
// one range of our own TCP's.
TakenAddress both(const TakenAddress& one, const TakenAddress& other) {
  const TakenAddress &nat = other.flags & kNat ? other : one, &own = other.flags & kOwnTcp ? other : one;
  return {uint16_t(one.flags | other.flags), nat.nat_first, nat.nat_last, own.own_first, own.own_last};
}

TakenAddress dialled_from() {
  constexpr DoorPorts kPorts;
  return {.flags = kOwnTcp, .own_first = kPorts.first, .own_last = kPorts.last};
}

std::unexpected<Error> full(std::string_view what, std::string_view text, uint32_t room, int number) {
  if (number == E2BIG)
    return fail(fmt::format("share an interface with the kernel: {} is one {} more than the {} there is room for", text,
                            what, room),
                Origin::kOperator);
  return fail_errno(fmt::format("take {} {} from the kernel", what, text), number);
}

Result<std::vector<uint32_t>> maps_of(int program) {
  std::vector<uint32_t> ids(16);
  bpf_prog_info info{};
  info.nr_map_ids = uint32_t(ids.size());
  info.map_ids = uint64_t(reinterpret_cast<uintptr_t>(ids.data()));
  uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(program, &info, &size) != 0) return fail_errno("ask for the maps of an XDP program");
  ids.resize(std::min<size_t>(ids.size(), info.nr_map_ids));
  return ids;
}

Result<std::string> name_of(const FileDescriptor& map) {
  bpf_map_info info{};
  uint32_t size = sizeof info;
  if (::bpf_obj_get_info_by_fd(map.get(), &info, &size) != 0) return fail_errno("ask for the name of a BPF map");
  return std::string(info.name);
}

}  // namespace

Share share_of(const LivePlan& plan) {
  Share share;
  for (const LiveService& service : *plan.services)
    if (service.used && service.forward != image::Forward::local)
      for (const ListenEntry& listen : service.listens) {
        share.ports.insert({listen.address, listen.port_be, listen.protocol});
        share.addresses[listen.address].flags |= kServices;
      }
  for (const NatSource& source : plan.nat_sources) {
    TakenAddress& use = share.addresses[source.address];
    use =
        both(use, {.flags = kNat, .nat_first = plan.settings.nat_port_first, .nat_last = plan.settings.nat_port_last});
  }
  for (const PlanPort& port : plan.ports) {
    if (port.has_v4) share.addresses[port.own_v4].flags |= kTunnels;
    if (port.has_v6) share.addresses[port.own_v6].flags |= kTunnels;
    if (!plan.settings.own_tcp) continue;
    for (const Prefix& prefix : port.addresses) {
      TakenAddress& use = share.addresses[prefix.address];
      use = both(use, dialled_from());
    }
  }
  return share;
}

Result<FileDescriptor> program_file() {
  return control::seal("cardea-share", std::as_bytes(std::span(kShareProgram)));
}

Result<Filter> Filter::of_program(int program) {
  auto ids = maps_of(program);
  if (!ids) return std::unexpected(std::move(ids).error());
  Filter filter;
  const std::map<std::string, FileDescriptor*, std::less<>> wanted = {{"services", &filter.services_},
                                                                      {"addresses", &filter.addresses_},
                                                                      {"port", &filter.port_},
                                                                      {"counts", &filter.counts_}};
  for (const uint32_t id : *ids) {
    FileDescriptor map(::bpf_map_get_fd_by_id(id));
    if (!map) return fail_errno("open a map of an XDP program");
    auto name = name_of(map);
    if (!name) return std::unexpected(std::move(name).error());
    if (const auto at = wanted.find(*name); at != wanted.end()) *at->second = std::move(map);
  }
  for (const auto& [name, map] : wanted)
    if (!*map) return fail(fmt::format("the XDP program has no map of the name {}", name));
  return filter;
}

Result<Filter> Filter::of_interface(int interface_index) {
  uint32_t id = 0;
  if (const int number = ::bpf_xdp_query_id(interface_index, 0, &id); number != 0)
    return fail_errno("ask for an interface's XDP program", -number);
  if (id == 0) return fail("no XDP program is on the interface");
  const FileDescriptor program(::bpf_prog_get_fd_by_id(id));
  if (!program) return fail_errno("open an interface's XDP program");
  return of_program(program.get());
}

Result<> Filter::set_link_address(const std::array<uint8_t, 6>& mac) {
  const uint32_t zero = 0;
  PortLinkAddress own{};
  std::ranges::copy(mac, own.bytes);
  if (::bpf_map_update_elem(port_.get(), &zero, &own, BPF_ANY) != 0)
    return fail_errno("tell the XDP program its interface's link address");
  return {};
}

Result<> Filter::put(const TakenPort& port) {
  const ServiceKey key = key_of(port);
  const uint8_t nothing = 0;
  if (::bpf_map_update_elem(services_.get(), &key, &nothing, BPF_ANY) != 0)
    return full("port", text_of(port), kServicesMax, errno);
  taken_.ports.insert(port);
  return {};
}

Result<> Filter::put(const IpAddress& address, const TakenAddress& use) {
  const Address key = key_of(address);
  const AddressUse value{use.flags, use.nat_first, use.nat_last, use.own_first, use.own_last};
  if (::bpf_map_update_elem(addresses_.get(), &key, &value, BPF_ANY) != 0)
    return full("address", address.text(), kAddressesMax, errno);
  taken_.addresses[address] = use;
  return {};
}

Result<> Filter::add(const Share& wanted) {
  for (const auto& [address, use] : wanted.addresses) {
    const auto at = taken_.addresses.find(address);
    const TakenAddress now = at == taken_.addresses.end() ? use : both(at->second, use);
    if (at != taken_.addresses.end() && at->second == now) continue;
    if (auto done = put(address, now); !done) return done;
  }
  for (const TakenPort& port : wanted.ports)
    if (!taken_.ports.contains(port))
      if (auto done = put(port); !done) return done;
  return {};
}

Result<> Filter::keep_only(const Share& wanted) {
  if (auto done = give_back_ports(wanted); !done) return done;
  return give_back_addresses(wanted);
}

Result<> Filter::give_back_ports(const Share& wanted) {
  for (auto at = taken_.ports.begin(); at != taken_.ports.end();) {
    if (wanted.ports.contains(*at)) {
      ++at;
      continue;
    }
    const ServiceKey key = key_of(*at);
    if (::bpf_map_delete_elem(services_.get(), &key) != 0)
      return fail_errno(fmt::format("give port {} back to the kernel", text_of(*at)));
    at = taken_.ports.erase(at);
  }
  return {};
}

Result<> Filter::give_back_addresses(const Share& wanted) {
  for (auto at = taken_.addresses.begin(); at != taken_.addresses.end();) {
    const auto& [address, use] = *at;
    const auto kept = wanted.addresses.find(address);
    if (kept != wanted.addresses.end()) {
      if (use != kept->second)
        if (auto done = put(address, kept->second); !done) return done;
      ++at;
      continue;
    }
    const Address key = key_of(address);
    if (::bpf_map_delete_elem(addresses_.get(), &key) != 0)
      return fail_errno(fmt::format("give address {} back to the kernel", address.text()));
    at = taken_.addresses.erase(at);
  }
  return {};
}

bool Filter::serves(const FlowTuple& tuple) const {
  const ServiceKey service = key_of(TakenPort{tuple.destination, tuple.destination_port_be, tuple.protocol});
  uint8_t nothing = 0;
  return ::bpf_map_lookup_elem(services_.get(), &service, &nothing) == 0;
}

Result<std::array<uint64_t, kReasons>> Filter::counts() const {
  const int processors = ::libbpf_num_possible_cpus();
  if (processors <= 0) return fail("count this host's processors");
  std::vector<uint64_t> cells(static_cast<size_t>(processors));
  std::array<uint64_t, kReasons> sums{};
  for (uint32_t reason = 0; reason < kReasons; ++reason) {
    if (::bpf_map_lookup_elem(counts_.get(), &reason, cells.data()) != 0)
      return fail_errno("read the counters of an XDP program");
    for (const uint64_t cell : cells) sums[reason] += cell;
  }
  return sums;
}

}  // namespace cardea::dataplane::xdp
