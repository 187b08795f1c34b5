// DPDK's af_packet driver joins its sockets to a fanout group, and always asks the kernel to put IPv4 fragments
// together before it spreads them, with a single socket as well. A joined packet does not fit a frame of the ring and
// comes cut off; and what we forward or hand to this host's kernel is fragments as they came. The driver has no setting
// for it, so its call is answered here: the same group, with fragments left apart. Both pieces of a datagram still come
// by one socket, since the kernel spreads fragments by their addresses alone. Every other call goes to the kernel as it
// is.
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

// The driver is a library that the linker binds to this program's symbols before libc's.
extern "C" __attribute__((visibility("default"))) int setsockopt(int socket, int level, int name, const void* value,
                                                                 socklen_t size) noexcept {
  uint32_t fanout = 0;
  if (level == SOL_PACKET && name == PACKET_FANOUT && size == sizeof fanout) {
    std::memcpy(&fanout, value, sizeof fanout);
    fanout &= ~(uint32_t{PACKET_FANOUT_FLAG_DEFRAG} << 16);
    value = &fanout;
  }
  return int(::syscall(SYS_setsockopt, socket, level, name, value, size));
}
