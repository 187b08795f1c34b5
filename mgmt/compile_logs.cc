#include "mgmt/compile_logs.h"

#include <algorithm>
#include <iterator>

#include "conf/syslog_facility.h"

namespace cardea::mgmt {
namespace {

namespace image = l7::image;

bool masks(const conf::AccessLog& log, conf::LogMask what) {
  return std::ranges::count(log.mask, what) != 0;
}

}  // namespace

std::vector<conf::AccessLog> access_logs(const conf::Config& config) {
  std::vector<conf::AccessLog> logs;
  if (!config.l7) return logs;
  if (!config.l7->access_log.empty()) {
    conf::AccessLog& first = logs.emplace_back();
    first.name = "access_log", first.to = config.l7->access_log;
  }
  std::ranges::copy(config.l7->access_logs, std::back_inserter(logs));
  return logs;
}

std::vector<flatbuffers::Offset<image::AccessLog>> write_logs(flatbuffers::FlatBufferBuilder& builder,
                                                              const conf::Config& config) {
  std::vector<flatbuffers::Offset<image::AccessLog>> written;
  for (const conf::AccessLog& log : access_logs(config))
    written.push_back(image::CreateAccessLogDirect(
        builder, log.name.c_str(), log.to.c_str(), log.format.c_str(), log.when.c_str(), log.sample * 10'000,
        masks(log, conf::LogMask::kQuery), masks(log, conf::LogMask::kClient), log.rotate_size, log.rotate_keep,
        conf::facility_number(log.facility)));
  return written;
}

std::vector<uint32_t> chosen_logs(const conf::Service& service, const std::vector<conf::AccessLog>& logs) {
  std::vector<uint32_t> chosen;
  const auto& names = service.access_logs;
  for (uint32_t i = 0; i < logs.size(); ++i)
    if (names.empty() || std::ranges::count(names, logs[i].name) != 0) chosen.push_back(i);
  return chosen;
}

}  // namespace cardea::mgmt
