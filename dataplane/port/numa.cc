// Reading a device's NUMA node from sysfs.
#include "dataplane/port/numa.h"

#include <fstream>

namespace cardea::dataplane {

int socket_of(const Device& device, const std::filesystem::path& sys) {
  std::filesystem::path place;
  if (device.kind == Device::Kind::kPci)
    place = sys / "bus/pci/devices" / device.driver;
  else if (device.on_host_interface())
    place = sys / "class/net" / device.interface / "device";
  else
    return kAnySocket;
  std::ifstream file(place / "numa_node");
  int node = kAnySocket;
  return file >> node && node >= 0 ? node : kAnySocket;
}

}  // namespace cardea::dataplane
