// How a NIC spreads packets over its queues: one key for all ports, given and not left to the driver, so that every
// port sends a flow's packets and the errors about them to the same worker; and what it made of it, read back.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>

#include "dataplane/state/steering.h"

namespace cardea::dataplane {

// The part of a port's configuration that spreads by flows; `conf` is left alone where the device cannot.
// Precondition: `info` is the device's.
void spread_by_flows(rte_eth_conf& conf, const rte_eth_dev_info& info);
inline bool spreads_by_flows(const rte_eth_conf& conf) {
  return conf.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS;
}

// Of a started port; not known() where it does not spread by flows, or does not tell its table or key.
Steering read_steering(uint16_t port);

}  // namespace cardea::dataplane
