// Capabilities and user ids belong to threads, and DPDK has started some before us: each thread is interrupted by a
// signal whose handler makes the system calls, as glibc does for setuid. Nothing but system calls happens in the
// handler.
#include "dataplane/control/privileges.h"

#include <dirent.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

namespace cardea::dataplane {
namespace {

struct Order {
  bool change_user = false;
  uid_t uid = 0;
  gid_t gid = 0;
};
Order order;
std::atomic<int> obeyed, first_error;

bool obey() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) return false;
  if (order.change_user) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return false;
    // Raw calls: they change this thread alone, and all threads come by here.
    if (::syscall(SYS_setgroups, 0, nullptr) != 0) return false;
    if (::syscall(SYS_setresgid, order.gid, order.gid, order.gid) != 0) return false;
    if (::syscall(SYS_setresuid, order.uid, order.uid, order.uid) != 0) return false;
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  data[0].effective = data[0].permitted = 1u << CAP_NET_ADMIN;
  return ::syscall(SYS_capset, &header, data) == 0;
}

void on_signal(int) {
  const int saved = errno;
  if (!obey()) {
    int none = 0;
    first_error.compare_exchange_strong(none, errno);
  }
  obeyed.fetch_add(1);
  errno = saved;
}

std::vector<pid_t> threads() {
  std::vector<pid_t> found;
  DIR* directory = ::opendir("/proc/self/task");
  if (directory == nullptr) return found;
  while (const dirent* entry = ::readdir(directory))
    if (const int tid = std::atoi(entry->d_name); tid > 0) found.push_back(tid);
  ::closedir(directory);
  return found;
}

Result<> tell_all_threads() {
  const int number = SIGRTMAX - 1;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  if (::sigaction(number, &action, nullptr) != 0) return fail_errno("prepare to drop privileges");
  const std::vector<pid_t> all = threads();
  for (pid_t tid : all)
    if (::syscall(SYS_tgkill, ::getpid(), tid, number) != 0) return fail_errno("tell a thread to drop its privileges");
  for (int tries = 0; obeyed.load() < int(all.size()); ++tries) {
    if (tries > 2000) return fail("a thread did not drop its privileges within 2 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::signal(number, SIG_DFL);
  if (first_error.load() != 0) return fail_errno("drop privileges", first_error.load());
  return {};
}

}  // namespace

Result<> drop_privileges(const std::string& user) {
  order = {};
  obeyed = 0, first_error = 0;
  if (!user.empty()) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return fail(fmt::format("there is no user \"{}\" on this host", user), Origin::kOperator);
    order = {.change_user = true, .uid = entry->pw_uid, .gid = entry->pw_gid};
  }
  if (auto done = tell_all_threads(); !done) return done;
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return fail_errno("forbid core dumps");
  return {};
}

}  // namespace cardea::dataplane
