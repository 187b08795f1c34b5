#include "mgmt/host.h"

#include <fmt/format.h>
#include <grp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "base/file_descriptor.h"
#include "conf/quote.h"
#include "mgmt/doctor/facts.h"
#include "mgmt/l7_rights.h"
#include "mgmt/policy_files.h"
#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

constexpr uint16_t kCpusMax = 4096;

// One number off the front of `rest`.
std::optional<uint16_t> take_number(std::string_view& rest) {
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{} || number >= kCpusMax) return std::nullopt;
  rest.remove_prefix(size_t(end - rest.data()));
  return number;
}

// "0 to 3", "0, 2 and 4"
std::string text_of(const std::vector<uint16_t>& cpus) {
  if (cpus.size() > 1 && cpus.back() - cpus.front() + 1u == cpus.size())
    return fmt::format("{} to {}", cpus.front(), cpus.back());
  return fmt::format("{}", fmt::join(cpus, ", "));
}

uint64_t memory_bytes() {
  struct sysinfo info{};
  return ::sysinfo(&info) == 0 ? uint64_t(info.totalram) * info.mem_unit : UINT64_MAX;
}

conf::Findings look_at_group(const conf::Config& config) {
  const std::string& group = config.mgmt.api_group;
  if (group.empty() || ::getgrnam(group.c_str()) != nullptr) return {};
  return {
      {conf::Finding::warning,
       {{}, 0, "mgmt.api_group"},
       fmt::format("this host has no group {}: the API would be for cardea-mgmt's own group", conf::in_quotes(group)),
       "a group that `getent group` lists",
       {}}};
}

// The kernel's own answer, for which nothing is sent. What else goes wrong here says nothing about the way.
bool kernel_has_way(const IpAddress& to) {
  const FileDescriptor socket(::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {}, .sin_zero = {}};
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6, v6.sin6_port = htons(9);
  std::memcpy(&v6.sin6_addr, to.bytes.data(), sizeof v6.sin6_addr);
  if (to.is_v4()) std::memcpy(&v4.sin_addr, to.v4_data(), sizeof v4.sin_addr);
  const auto* address = to.is_v4() ? reinterpret_cast<sockaddr*>(&v4) : reinterpret_cast<sockaddr*>(&v6);
  const bool leads = ::connect(socket.get(), address, to.is_v4() ? sizeof v4 : sizeof v6) == 0;
  return !socket || leads || (errno != ENETUNREACH && errno != EHOSTUNREACH);
}

// The Linux interface that has the port's addresses.
std::string side_of(const conf::Port& port) {
  const bool shared = conf::kernel_of(port) == conf::PortKernel::kInterface;
  return shared ? doctor::interface_of_device(port.device).value_or(port.name) : port.name;
}

// Routes by a port are there when its side in Linux is.
bool ports_are_there(const conf::Config& config) {
  return !config.dataplane || std::ranges::all_of(config.dataplane->ports, [](const conf::Port& port) {
    return ::if_nametoindex(side_of(port).c_str()) != 0;
  });
}

std::optional<uint32_t> mtu_of(const std::string& interface) {
  if (interface.find('/') != interface.npos) return std::nullopt;
  const auto text = read_whole_file("/sys/class/net/" + interface + "/mtu");
  uint32_t mtu = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), mtu).ec != std::errc{}) return std::nullopt;
  return mtu;
}

bool on_a_port(const conf::Config& config, const IpAddress& address) {
  if (!config.dataplane) return false;
  const auto near = [&](const Prefix& prefix) { return prefix.contains(address); };
  return std::ranges::any_of(config.dataplane->ports,
                             [&](const conf::Port& port) { return std::ranges::any_of(port.addresses, near); });
}

// cardea-l7 has folders of its own to see (its unit's sandbox), so this is no certain error.
void look_at_log(const std::string& target, conf::Place place, conf::Findings& findings) {
  if (!target.starts_with('/')) return;
  const std::string folder = std::filesystem::path(target).parent_path();
  if (::access(folder.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) return;
  findings.push_back(
      {conf::Finding::warning,
       std::move(place),
       fmt::format("there is no folder {}, and cardea-l7 makes none: it would take no plan", conf::in_quotes(folder)),
       "a folder that is there and that cardea-l7 may write to",
       {}});
}

conf::Findings look_at_logs(const conf::Config& config) {
  conf::Findings findings;
  if (!config.l7) return findings;
  conf::Place place = config.l7->place;
  place.path += ".access_log";
  look_at_log(config.l7->access_log, std::move(place), findings);
  for (const conf::AccessLog& log : config.l7->access_logs) {
    conf::Place its = log.place;
    its.path += ".to";
    look_at_log(log.to, std::move(its), findings);
  }
  return findings;
}

}  // namespace

std::optional<std::vector<uint16_t>> cpus_of_list(std::string_view list) {
  std::vector<uint16_t> cpus;
  while (!list.empty() && list[0] != '\n') {
    const auto first = take_number(list);
    auto last = first;
    if (first && list.starts_with('-')) {
      list.remove_prefix(1);
      last = take_number(list);
    }
    if (!first || !last || *last < *first) return std::nullopt;
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(uint16_t(cpu));
    if (list.starts_with(',')) list.remove_prefix(1);
  }
  return cpus.empty() ? std::nullopt : std::optional(std::move(cpus));
}

conf::Findings look_at_cpus(const conf::Config& config, const std::vector<uint16_t>& online) {
  conf::Findings findings;
  const auto look = [&](const std::vector<uint16_t>& wanted, conf::Place place, const char* setting) {
    place.path += setting;
    for (const uint16_t cpu : wanted) {
      if (std::ranges::count(online, cpu) > 0) continue;
      findings.push_back({conf::Finding::error,
                          place,
                          fmt::format("this host has no CPU {}", cpu),
                          fmt::format("CPUs among {}", text_of(online)),
                          {}});
    }
  };
  if (config.dataplane) look(config.dataplane->workers, config.dataplane->place, ".workers");
  if (config.l7) look(config.l7->shards, config.l7->place, ".shards");
  return findings;
}

conf::Findings look_at_memory(const conf::Config& config, uint64_t bytes) {
  constexpr double kGb = 1e9;
  uint64_t wanted = 0;
  const conf::Cache* largest = nullptr;
  for (const conf::Cache& cache : config.caches) {
    wanted += std::min(cache.memory, UINT64_MAX - wanted);
    if (largest == nullptr || cache.memory > largest->memory) largest = &cache;
  }
  if (wanted <= bytes) return {};
  conf::Place place = largest->place;
  place.path += ".memory";
  return {{conf::Finding::warning,
           place,
           fmt::format("{} may grow to {:.1f} GB, and this host has {:.1f} GB of memory",
                       config.caches.size() == 1 ? "the cache" : "the caches together", double(wanted) / kGb,
                       double(bytes) / kGb),
           "less than the host has, with room for all else",
           {}}};
}

conf::Findings look_at_ways(const conf::Config& config, const HasWay& kernel_has_way) {
  conf::Findings findings;
  for (const conf::Pool& pool : config.pools) {
    const conf::Backend* first = nullptr;
    size_t more = 0;
    for (const conf::Backend& backend : pool.backends) {
      const IpAddress& address = backend.address.address;
      if (on_a_port(config, address) || kernel_has_way(address)) continue;
      first == nullptr ? void(first = &backend) : void(++more);
    }
    if (first == nullptr) continue;
    findings.push_back(
        {conf::Finding::warning,
         {first->place.file, first->place.line, first->place.path + ".address"},
         fmt::format("this host has no route to {}{}: what is sent there is lost", first->address.address.text(),
                     more == 0 ? "" : fmt::format(" and {} more of the pool", more)),
         "an address on a port's network, or one that `ip route get` finds a way to",
         {}});
  }
  return findings;
}

conf::Findings look_at_shared_interfaces(const conf::Config& config, const MtuOf& mtu_of) {
  conf::Findings findings;
  if (!config.dataplane) return findings;
  for (const conf::Port& port : config.dataplane->ports) {
    if (conf::kernel_of(port) != conf::PortKernel::kInterface) continue;
    const std::string interface = side_of(port);
    const auto mtu = mtu_of(interface);
    if (!mtu || *mtu >= port.mtu) continue;
    findings.push_back({conf::Finding::hint,
                        {port.place.file, port.place.line, port.place.path + ".mtu"},
                        fmt::format("{} has an MTU of {}, less than the port's {}: the dataplane raises it, and gives it"
                                    " back when it ends; cards often lose their link for a moment by either",
                                    interface, *mtu, port.mtu),
                        fmt::format("an MTU of {} where Linux configures {}", port.mtu, interface),
                        {}});
  }
  return findings;
}

void look_at_host(const conf::Config& config, Look look, conf::Findings& findings) {
  for (auto& of : {look_at_certificates(config, look), look_at_policy_files(config, look)})
    std::ranges::copy(of, std::back_inserter(findings));
  const auto list = read_whole_file("/sys/devices/system/cpu/online");
  const auto online = list ? cpus_of_list(*list) : std::nullopt;
  if (online) std::ranges::move(look_at_cpus(config, *online), std::back_inserter(findings));
  if (look != Look::kInside) return;
  for (auto& of : {look_at_rights(config), look_at_memory(config, memory_bytes()), look_at_group(config), look_at_logs(config),
                   look_at_shared_interfaces(config, mtu_of)})
    std::ranges::copy(of, std::back_inserter(findings));
  if (ports_are_there(config)) std::ranges::move(look_at_ways(config, kernel_has_way), std::back_inserter(findings));
}

}  // namespace cardea::mgmt
