// The arguments of rte_eal_init.
#include "dataplane/port/eal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/log.h"
#include "dataplane/port/counter_speed.h"
#include "dataplane/port/drivers.h"
#include "dataplane/port/library_log.h"

namespace cardea::dataplane {
namespace {

struct Hugepages {
  uint64_t page_bytes = 2 << 20;  // of the size that has the most free
  uint64_t free_bytes = 0, reserved_bytes = 0;
};

uint64_t number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  file >> number;
  return number;
}

Hugepages hugepages() {
  Hugepages found;
  uint64_t most = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = entry.path().filename();  // hugepages-2048kB
    const uint64_t page = std::strtoull(name.c_str() + std::min<size_t>(name.size(), 10), nullptr, 10) << 10;
    const uint64_t free = number_in(entry.path() / "free_hugepages") * page;
    found.free_bytes += free;
    found.reserved_bytes += number_in(entry.path() / "nr_hugepages") * page;
    if (free > most) most = free, found.page_bytes = page;
  }
  return found;
}

std::vector<uint16_t> allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<uint16_t> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  for (uint16_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

// The control thread keeps off the workers' CPUs as long as there is another one.
Result<std::string> lcores(const std::vector<uint16_t>& worker_cpus) {
  const std::vector<uint16_t> allowed = allowed_cpus();
  std::vector<uint16_t> others;
  for (uint16_t cpu : allowed)
    if (std::ranges::find(worker_cpus, cpu) == worker_cpus.end()) others.push_back(cpu);
  std::string text = fmt::format("0@({})", fmt::join(others.empty() ? allowed : others, ","));
  for (size_t i = 0; i < worker_cpus.size(); ++i) {
    if (std::ranges::find(allowed, worker_cpus[i]) == allowed.end())
      return fail(fmt::format("dataplane.workers: this process may not run on CPU {} (it may on {})", worker_cpus[i],
                              fmt::join(allowed, ", ")),
                  Origin::kOperator);
    text += fmt::format(",{}@{}", i + 1, worker_cpus[i]);
  }
  return text;
}

// One piece that the allocator cannot enlarge later; what is not touched is not taken from the host.
void add_ordinary_memory(std::vector<std::string>& arguments, uint64_t bytes) {
  const uint64_t megabytes = 2 * ((bytes >> 20) + 1) + 64;
  arguments.insert(arguments.end(), {"--no-huge", "--no-shconf", "-m", std::to_string(megabytes)});
}

Result<> add_memory(std::vector<std::string>& arguments, uint64_t bytes) {
  const uint64_t megabytes = (bytes >> 20) + 1;
  const Hugepages pages = hugepages();
  if (pages.reserved_bytes == 0) {
    log::warning(
        "no hugepages are reserved: running on ordinary memory, which is slower; reserve {} with"
        " `sysctl vm.nr_hugepages={}`",
        (bytes >> 21) + 1, (bytes >> 21) + 1);
    add_ordinary_memory(arguments, bytes);
    return {};
  }
  if (pages.free_bytes < bytes)
    return fail(fmt::format("not enough hugepages: {} MB are needed for packet buffers and flow tables, {} MB are "
                            "free; reserve {} pages of {} MB more"
                            " (`sysctl vm.nr_hugepages`), or lower dataplane.flows",
                            megabytes, pages.free_bytes >> 20, (bytes - pages.free_bytes) / pages.page_bytes + 1,
                            pages.page_bytes >> 20),
                Origin::kOperator);
  arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments", "-m", std::to_string(megabytes)});
  return {};
}

void add_devices(std::vector<std::string>& arguments, const std::vector<Device>& devices) {
  const size_t before = arguments.size();
  for (const Device& device : devices)
    if (device.kind == Device::Kind::kPci) arguments.push_back("-a" + allowed_pci(device));
  if (arguments.size() == before) arguments.insert(arguments.end(), {"--no-pci", "--iova-mode=va"});
}

// What the operator adds may be devices, of which nobody knows the drivers.
bool adds_devices(const std::vector<std::string>& extra) {
  return std::ranges::any_of(extra, [](const std::string& word) {
    return word.starts_with("-a") || word.starts_with("--allow") || word.starts_with("--vdev");
  });
}

void add_drivers(std::vector<std::string>& arguments, const std::vector<Device>& devices) {
  const std::vector<std::string> libraries = driver_libraries(devices, driver_folder());
  for (const std::string& library : libraries) arguments.push_back("-d" + library);
  if (!libraries.empty()) hide_driver_folder_once();
}

Result<std::vector<std::string>> eal_arguments(const EalRequest& request) {
  std::vector<std::string> arguments{"cardea-dataplane", "--no-telemetry", "--log-level=*:warning",
                                     fmt::format("--file-prefix=cardea-{}", getpid()), "--main-lcore=0"};
  auto cores = lcores(request.worker_cpus);
  if (!cores) return std::unexpected(std::move(cores).error());
  arguments.push_back("--lcores=" + *cores);
  std::istringstream written(request.extra_arguments);
  std::vector<std::string> extra{std::istream_iterator<std::string>(written), {}};
  if (std::erase(extra, "--no-huge") > 0)
    add_ordinary_memory(arguments, request.bytes);
  else if (auto done = add_memory(arguments, request.bytes); !done)
    return std::unexpected(std::move(done).error());
  add_devices(arguments, request.devices);
  if (!adds_devices(extra)) add_drivers(arguments, request.devices);
  arguments.insert(arguments.end(), extra.begin(), extra.end());
  return arguments;
}

// DPDK makes a folder for what its processes share, of which we have nothing; each start would leave an empty one.
void remove_empty_runtime_folder() {
  ::rmdir(rte_eal_get_runtime_dir());
}

}  // namespace

Result<> start_eal(const EalRequest& request) {
  auto arguments = eal_arguments(request);
  if (!arguments) return std::unexpected(std::move(arguments).error());
  std::vector<char*> argv;
  for (std::string& argument : *arguments) argv.push_back(argument.data());
  take_library_logs();
  const QuickCounterSpeed quick;
  const bool started = rte_eal_init(int(argv.size()), argv.data()) >= 0;
  remove_empty_runtime_folder();
  if (started) return {};
  std::erase_if(*arguments, [](const std::string& word) { return word.starts_with("-d/"); });
  return fail(fmt::format("DPDK does not start ({}): {}", rte_strerror(rte_errno), fmt::join(*arguments, " ")));
}

void stop_eal() {
  rte_eal_cleanup();
}

}  // namespace cardea::dataplane
