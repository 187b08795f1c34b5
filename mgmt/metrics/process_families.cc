#include "mgmt/metrics/process_families.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

namespace cardea::mgmt::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const char* name, const char* help, MetricType type, double value) {
  MetricFamily made{name, help, type, {}};
  auto& metric = made.metric.emplace_back();
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return made;
}

// Field 22 of /proc/self/stat, behind the name in brackets, which may hold blanks: clock ticks since the boot.
std::optional<double> started_after_boot() {
  std::string text;
  std::getline(std::ifstream("/proc/self/stat"), text);
  const size_t behind_name = text.rfind(')');
  if (behind_name == text.npos) return std::nullopt;
  std::istringstream fields(text.substr(behind_name + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number)
    if (!(fields >> field)) return std::nullopt;
  return std::stod(field) / double(::sysconf(_SC_CLK_TCK));
}

std::optional<double> booted_at() {
  std::ifstream stat("/proc/stat");
  for (std::string name; stat >> name;) {
    double seconds = 0;
    if (name == "btime" && stat >> seconds) return seconds;
  }
  return std::nullopt;
}

void add_memory(std::vector<MetricFamily>& families) {
  double size = 0, resident = 0;
  if (!(std::ifstream("/proc/self/statm") >> size >> resident)) return;
  const auto page = double(::sysconf(_SC_PAGESIZE));
  families.push_back(
      family("process_virtual_memory_bytes", "Virtual memory size of cardea-mgmt", MetricType::Gauge, size * page));
  families.push_back(family("process_resident_memory_bytes", "Resident memory size of cardea-mgmt", MetricType::Gauge,
                            resident * page));
}

void add_descriptors(std::vector<MetricFamily>& families) {
  std::error_code problem;
  double open = 0;
  for (std::filesystem::directory_iterator each("/proc/self/fd", problem), end; !problem && each != end;
       each.increment(problem))
    ++open;
  if (!problem)
    families.push_back(family("process_open_fds", "Open file descriptors of cardea-mgmt", MetricType::Gauge, open));
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    families.push_back(family("process_max_fds", "Most file descriptors cardea-mgmt may open", MetricType::Gauge,
                              double(limit.rlim_cur)));
}

double seconds_of(const timeval& time) {
  return double(time.tv_sec) + double(time.tv_usec) * 1e-6;
}

}  // namespace

std::vector<MetricFamily> process_families() {
  std::vector<MetricFamily> families;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0)
    families.push_back(family("process_cpu_seconds_total", "CPU time cardea-mgmt has used", MetricType::Counter,
                              seconds_of(used.ru_utime) + seconds_of(used.ru_stime)));
  add_memory(families);
  add_descriptors(families);
  const auto boot = booted_at(), after = started_after_boot();
  if (boot && after)
    families.push_back(family("process_start_time_seconds", "When cardea-mgmt was started, since the epoch",
                              MetricType::Gauge, *boot + *after));
  return families;
}

}  // namespace cardea::mgmt::metrics
