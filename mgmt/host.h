// What only the host that a configuration is for can tell of it: whether the files it names are there and what is in
// them, whether it has the CPUs, the memory, the group, the log's folder and a way to the backends. `cardea check` and
// a reload ask the same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/config.h"
#include "conf/finding.h"
#include "mgmt/certificate_files.h"

namespace cardea::mgmt {

// Adds what is wrong to `findings`.
void look_at_host(const conf::Config& config, Look look, conf::Findings& findings);

// `online`: the numbers of the CPUs there are.
conf::Findings look_at_cpus(const conf::Config& config, const std::vector<uint16_t>& online);

// `bytes`: all the memory there is.
conf::Findings look_at_memory(const conf::Config& config, uint64_t bytes);

// Backends that neither a port's network nor a route of the kernel leads to: they stay up, as nobody can say that they
// are down, and get connections that end nowhere. One warning a pool.
using HasWay = std::function<bool(const IpAddress&)>;
conf::Findings look_at_ways(const conf::Config& config, const HasWay& kernel_has_way);

// Interfaces that ports share with Linux whose MTU the dataplane would have to raise while it runs. `mtu_of`: nothing where
// there is no such interface.
using MtuOf = std::function<std::optional<uint32_t>(const std::string& interface)>;
conf::Findings look_at_shared_interfaces(const conf::Config& config, const MtuOf& mtu_of);

// "0-3,8" as Linux lists CPUs; nothing: it is no such list.
std::optional<std::vector<uint16_t>> cpus_of_list(std::string_view list);

}  // namespace cardea::mgmt
