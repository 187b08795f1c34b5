// DPDK has no setting for it, so its call is answered here. Every other sleep is the kernel's, as it was asked for.
#include "dataplane/port/counter_speed.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr timespec kDpdks{.tv_sec = 0, .tv_nsec = 100'000'000}, kQuick{.tv_sec = 0, .tv_nsec = kDpdks.tv_nsec / 10};

thread_local bool quick = false;

bool is_dpdks(const timespec& asked) {
  return asked.tv_sec == kDpdks.tv_sec && asked.tv_nsec == kDpdks.tv_nsec;
}

}  // namespace

namespace cardea::dataplane {

QuickCounterSpeed::QuickCounterSpeed() {
  quick = true;
}

QuickCounterSpeed::~QuickCounterSpeed() {
  quick = false;
}

}  // namespace cardea::dataplane

// DPDK's libraries are bound to this program's symbols before libc's.
extern "C" __attribute__((visibility("default"))) int nanosleep(const timespec* asked, timespec* left) {
  if (quick && is_dpdks(*asked)) asked = &kQuick;
  return int(::syscall(SYS_nanosleep, asked, left));
}
