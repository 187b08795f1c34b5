// Access logs of a configuration, as the plan of cardea-l7 has them: l7.access_log first, then l7.access_logs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conf/config.h"
#include "l7/plan_generated.h"

namespace cardea::mgmt {

std::vector<conf::AccessLog> access_logs(const conf::Config& config);
std::vector<flatbuffers::Offset<l7::image::AccessLog>> write_logs(flatbuffers::FlatBufferBuilder& builder,
                                                                  const conf::Config& config);
// Which of `logs` a service's exchanges go to, by index.
std::vector<uint32_t> chosen_logs(const conf::Service& service, const std::vector<conf::AccessLog>& logs);

}  // namespace cardea::mgmt
