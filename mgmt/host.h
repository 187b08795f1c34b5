// What only the host that a configuration is for can tell of it: whether the files it names are there and what is in
// them, whether it has the CPUs, the memory, the group and the log's folder. `cardea check` and a reload ask the same.
#pragma once

#include <cstdint>
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

// "0-3,8" as Linux lists CPUs; nothing: it is no such list.
std::optional<std::vector<uint16_t>> cpus_of_list(std::string_view list);

}  // namespace cardea::mgmt
