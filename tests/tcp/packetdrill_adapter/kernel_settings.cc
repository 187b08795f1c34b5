#include "tests/tcp/packetdrill_adapter/kernel_settings.h"

#include <fstream>
#include <string>
#include <vector>

namespace cardea::packetdrill {
namespace {

std::vector<uint64_t> numbers_of(const char* name) {
  std::ifstream file(std::string("/proc/sys/net/ipv4/") + name);
  std::vector<uint64_t> numbers;
  for (uint64_t number; file >> number;) numbers.push_back(number);
  return numbers;
}

void take(const char* name, auto& value) {
  if (const auto numbers = numbers_of(name); !numbers.empty()) value = uint32_t(numbers[0]);
}

void take_flag(const char* name, bool& value) {
  uint32_t number = value;
  take(name, number);
  value = number == 1;
}

// A window scale as Linux derives it from the largest buffer that a socket may have.
uint32_t window_max(uint64_t buffer) {
  unsigned scale = 0;
  while (scale < 14 && buffer >> scale > 65535) scale++;
  return 65535u << scale;
}

void take_what_was_set(KernelSettings& settings) {
  const auto receive = numbers_of("tcp_rmem"), send = numbers_of("tcp_wmem");
  if (receive.size() == 3) settings.stack.receive_window_max = window_max(receive[2]);
  if (send.size() == 3) settings.send_buffer = uint32_t(send[1]);
  take("tcp_notsent_lowat", settings.unsent_most);
  take("tcp_min_tso_segs", settings.segments_least);
  take_flag("tcp_ecn", settings.stack.ecn);
  take_flag("tcp_slow_start_after_idle", settings.stack.restart_after_idle);
  bool timestamps = true, sack = true, scale = true;
  take_flag("tcp_timestamps", timestamps);
  take_flag("tcp_sack", sack);
  take_flag("tcp_window_scaling", scale);
  settings.stack.timestamps = timestamps;
  settings.stack.sack = sack;
  settings.stack.window_scale = scale;
  take("tcp_syn_retries", settings.stack.syn_retries);
  take("tcp_synack_retries", settings.stack.syn_ack_retries);
}

}  // namespace

KernelSettings kernel_settings() {
  KernelSettings settings;
  l7::tcp::Settings& stack = settings.stack;
  stack.table_key = {1, 2};
  stack.isn_key = {3, 4};
  stack.timestamp_key = {5, 6};
  stack.receive_window_max = 65535u << 8;
  stack.send_queue_max = 16 << 20;
  stack.mss_floor = 48;
  stack.restart_after_idle = false;
  const auto receive = numbers_of("tcp_rmem"), send = numbers_of("tcp_wmem");
  const bool untouched = receive.size() != 3 || send.size() != 3 || (receive[1] == 131'072 && send[1] == 16'384);
  if (!untouched) take_what_was_set(settings);
  return settings;
}

}  // namespace cardea::packetdrill
