// Choosing driver libraries by their names, and keeping DPDK from loading the others.
#include "dataplane/port/drivers.h"

#include <fcntl.h>
#include <rte_build_config.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

namespace cardea::dataplane {
namespace {

std::atomic<bool> folder_hidden = false;

// Packet buffers and the rings between threads need these whatever the ports are.
constexpr std::string_view kAlways[] = {"bus_vdev", "mempool_ring", "mempool_stack"};
// Virtual devices that are one library and stand on no other device of DPDK's.
constexpr std::string_view kAlone[] = {"net_af_packet", "net_af_xdp", "net_memif", "net_null",
                                       "net_pcap",      "net_ring",   "net_tap"};
// For everything else: whatever may bring a network port up.
constexpr std::string_view kNetwork[] = {"bus_", "common_", "mempool_", "net_"};

// "net_af_xdp" of "librte_net_af_xdp.so.23.0"; empty: it is no driver.
std::string_view driver_of(std::string_view file) {
  constexpr std::string_view kPrefix = "librte_", kSuffix = ".so";
  const size_t end = file.find(kSuffix);
  if (!file.starts_with(kPrefix) || end == file.npos) return {};
  return file.substr(kPrefix.size(), end - kPrefix.size());
}

// By driver, the file with the fullest version: the others are links to it.
std::map<std::string, std::string> libraries_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename();
    const std::string driver(driver_of(file));
    if (driver.empty()) continue;
    std::string& path = found[driver];
    if (entry.path().native().size() > path.size()) path = entry.path();
  }
  return found;
}

std::string_view without_number(std::string_view driver) {
  while (!driver.empty() && std::isdigit(static_cast<unsigned char>(driver.back())) != 0) driver.remove_suffix(1);
  return driver;
}

bool is_alone(const Device& device) {
  return device.kind != Device::Kind::kPci &&
         std::ranges::find(kAlone, without_number(device.driver)) != std::end(kAlone);
}

std::set<std::string> drivers_for(std::span<const Device> devices, const std::map<std::string, std::string>& known) {
  std::set<std::string> wanted(std::begin(kAlways), std::end(kAlways));
  for (const Device& device : devices) {
    if (is_alone(device)) {
      wanted.emplace(without_number(device.driver));
      continue;
    }
    for (const auto& [driver, path] : known)
      if (std::ranges::any_of(kNetwork, [&](std::string_view part) { return driver.starts_with(part); }))
        wanted.insert(driver);
  }
  return wanted;
}

}  // namespace

std::vector<std::string> driver_libraries(std::span<const Device> devices, const std::filesystem::path& folder) {
  const auto known = libraries_in(folder);
  std::vector<std::string> files;
  for (const std::string& driver : drivers_for(devices, known)) {
    const auto library = known.find(driver);
    if (library == known.end()) return {};
    files.push_back(library->second);
  }
  return files;
}

std::filesystem::path driver_folder() {
  return RTE_EAL_PMD_PATH;
}

void hide_driver_folder_once() {
  folder_hidden.store(true);
}

}  // namespace cardea::dataplane

// DPDK has no setting to load less: it adds its folder to what its arguments name wherever that folder is. Its question
// whether that is there is answered here; every other goes to the kernel as it is.
extern "C" __attribute__((visibility("default"))) int stat64(const char* path, struct stat64* status) noexcept {
  if (std::strcmp(path, RTE_EAL_PMD_PATH) == 0 && cardea::dataplane::folder_hidden.exchange(false)) {
    errno = ENOENT;
    return -1;
  }
  return int(::syscall(SYS_newfstatat, AT_FDCWD, path, status, 0));
}
