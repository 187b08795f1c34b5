// The routes of an http service, as cardea-l7's plan has them: the last is what the service does with requests that no
// other matches. Part of compile_l7.cc.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/config.h"
#include "l7/plan_generated.h"

namespace cardea::mgmt {

// Where a name stands in the plan.
struct PlanNames {
  std::unordered_map<std::string_view, uint32_t> pools, caches;
  std::vector<conf::AccessLog> logs;

  int32_t cache(const std::string& name) const { return name.empty() ? -1 : int32_t(caches.at(name)); }
  conf::Transport transport = conf::Transport::kKernel;  // of services that do not say it
};

l7::image::Address image_address(const IpAddress& from);
std::vector<l7::image::Network> write_networks(const std::vector<Prefix>& from);
// What is done with a service's exchanges beside routing them; none where it says nothing.
flatbuffers::Offset<settings::Policies> write_policies(flatbuffers::FlatBufferBuilder& builder,
                                                       const conf::Service& service);
// `policies`: as written before.
std::vector<flatbuffers::Offset<l7::image::Route>> write_routes(flatbuffers::FlatBufferBuilder& builder,
                                                                const conf::Service& service, const PlanNames& names,
                                                                flatbuffers::Offset<settings::Policies> policies);

}  // namespace cardea::mgmt
