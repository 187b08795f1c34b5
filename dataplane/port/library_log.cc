#include "dataplane/port/library_log.h"

#include <bpf/libbpf.h>
#include <rte_log.h>
#include <xdp/libxdp.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "base/log.h"

namespace cardea::dataplane {
namespace {

constexpr size_t kTextMax = 1024;  // of one message of libbpf or libxdp; a verifier's log is cut

void write_lines(log::Level level, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (const auto line = text.substr(0, end); !line.empty()) log::write(level, line);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

log::Level level_of_dpdk() {
  const int level = rte_log_cur_msg_loglevel();
  if (level <= int(RTE_LOG_ERR)) return log::Level::kError;
  if (level == int(RTE_LOG_WARNING)) return log::Level::kWarning;
  return level == int(RTE_LOG_DEBUG) ? log::Level::kDebug : log::Level::kInfo;
}

// DPDK flushes its stream behind each message, on the thread that logs: so it comes here whole and with its level.
ssize_t from_dpdk(void*, const char* text, size_t size) {
  write_lines(level_of_dpdk(), {text, size});
  return ssize_t(size);
}

[[gnu::format(printf, 2, 0)]] int write_formatted(log::Level level, const char* format, va_list arguments) {
  std::array<char, kTextMax> text{};
  const int size = std::vsnprintf(text.data(), text.size(), format, arguments);
  write_lines(level, text.data());
  return size;
}

int from_libbpf(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;  // hundreds of lines for each program
  return write_formatted(level == LIBBPF_WARN ? log::Level::kWarning : log::Level::kInfo, format, arguments);
}

int from_libxdp(libxdp_print_level level, const char* format, va_list arguments) {
  if (level == LIBXDP_DEBUG) return 0;
  return write_formatted(level == LIBXDP_WARN ? log::Level::kWarning : log::Level::kInfo, format, arguments);
}

}  // namespace

void take_library_logs() {
  const cookie_io_functions_t functions{.read = nullptr, .write = from_dpdk, .seek = nullptr, .close = nullptr};
  static FILE* const stream = ::fopencookie(nullptr, "w", functions);
  if (stream != nullptr) rte_openlog_stream(stream);
  libbpf_set_print(from_libbpf);
  libxdp_set_print(from_libxdp);
}

}  // namespace cardea::dataplane
