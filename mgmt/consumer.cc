#include "mgmt/consumer.h"

#include "mgmt/compile_l4.h"
#include "mgmt/compile_l7.h"

namespace cardea::mgmt {

using Cpus = std::vector<uint16_t>;

const Consumer kDataplane{
    .name = "dataplane",
    .process = "cardea-dataplane",
    .words = "the dataplane",
    .concerned = [](const conf::Config& config) { return config.dataplane.has_value(); },
    .inherit = [](conf::Config& to, const conf::Config& from) { to.dataplane = from.dataplane; },
    .cpus = [](const conf::Config& config) { return config.dataplane ? config.dataplane->workers : Cpus(); },
    .pools = l4_pools,
    .compile = compile_l4,
    .compile_update = compile_l4_update,
};

const Consumer kL7{
    .name = "l7",
    .process = "cardea-l7",
    .words = "cardea-l7",
    .concerned = [](const conf::Config& config) { return config.l7.has_value(); },
    .inherit = [](conf::Config& to, const conf::Config& from) { to.l7 = from.l7; },
    .cpus = [](const conf::Config& config) { return config.l7 ? config.l7->shards : Cpus(); },
    .pools = l7_pools,
    .compile = compile_l7,
    .compile_update = compile_l7_update,
};

}  // namespace cardea::mgmt
