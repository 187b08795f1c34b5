// Which of DPDK's driver libraries the ports' devices need. Left to itself DPDK loads every library of its folder, some
// 150 of them for cryptography, compression and cards that no port is on, which is most of the time of a start.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "dataplane/port/device.h"

namespace cardea::dataplane {

// The files of `folder` to load for these devices, each once, in the order of their names. Empty: that cannot be told,
// and DPDK has to load what it finds, in its own way. All network drivers and buses for PCI devices, whose driver
// nobody knows before, and for virtual devices that may stand on others (bonding, failsafe).
std::vector<std::string> driver_libraries(std::span<const Device> devices, const std::filesystem::path& folder);

// Where DPDK looks for them.
std::filesystem::path driver_folder();
// DPDK's next question whether that folder is there is answered with no: its first one, at its start, is for loading
// all of it; the ones after it are about who may write there, before what its arguments name is loaded.
void hide_driver_folder_once();

}  // namespace cardea::dataplane
