// What packetdrill loads: its table filled with calls of a Machine. Built as a shared object; used so:
//
//   packetdrill --so_filename=$PWD/build/release/tests/tcp/libpacketdrill_adapter.so --so_flags=192.168.1.1
//               --local_ip=192.168.1.1 script.pkt
//
// Scripts with %{ }% ask libc's getsockopt for TCP_INFO, and those that send a file libc's sendfile: LD_PRELOAD this
// file too, and they are answered from here. Run in a network namespace of its own (unshare -n) packetdrill may run the
// scripts' sysctl commands for real: what they set is taken from there (kernel_settings.h). `tc` and `ip` want a device
// that is not there: put stubs of them in the PATH.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <vector>

#include "tests/tcp/packetdrill_adapter/interface.h"
#include "tests/tcp/packetdrill_adapter/machine.h"

using cardea::packetdrill::Machine;

namespace {

Machine* current = nullptr;  // whom the preloaded getsockopt asks

Machine& machine(void* userdata) {
  return *static_cast<Machine*>(userdata);
}
std::byte* bytes(void* at) {
  return static_cast<std::byte*>(at);
}
const std::byte* bytes(const void* at) {
  return static_cast<const std::byte*>(at);
}

int refused() {
  errno = EOPNOTSUPP;
  return -1;
}

// Piece by piece, until one is not filled or taken whole.
template <typename Call>
ssize_t for_each_piece(const iovec* pieces, size_t count, Call call) {
  ssize_t all = 0;
  for (size_t i = 0; i < count; i++) {
    const ssize_t some = call(pieces[i].iov_base, pieces[i].iov_len, i > 0);
    if (some < 0) return all > 0 ? all : some;
    all += some;
    if (size_t(some) < pieces[i].iov_len) break;
  }
  return all;
}

ssize_t read_pieces(void* m, int fd, const iovec* pieces, size_t count, int flags) {
  return for_each_piece(pieces, count, [&](void* at, size_t size, bool later) {
    return machine(m).read(fd, bytes(at), size, flags | (later ? MSG_DONTWAIT : 0));
  });
}
// One write, as the kernel takes it: what is cut into segments does not know of pieces.
ssize_t write_pieces(void* m, int fd, const iovec* pieces, size_t count, int flags) {
  std::vector<std::byte> all;
  for (size_t i = 0; i < count; i++) {
    if (!pieces[i].iov_base && pieces[i].iov_len) return machine(m).write(fd, nullptr, pieces[i].iov_len, flags);
    all.insert(all.end(), bytes(pieces[i].iov_base), bytes(pieces[i].iov_base) + pieces[i].iov_len);
  }
  return machine(m).write(fd, all.data(), all.size(), flags);
}

int splice_bytes(void* m, int in, loff_t*, int out, loff_t*, size_t size, unsigned flags) {
  const int waits = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
  std::vector<std::byte> room(size);
  const bool reads = machine(m).knows(in);
  const ssize_t count = reads ? machine(m).read(in, room.data(), size, waits) : ::read(in, room.data(), size);
  if (count <= 0) return int(count);
  const ssize_t taken =
      reads ? ::write(out, room.data(), size_t(count)) : machine(m).write(out, room.data(), size_t(count), waits);
  return int(taken);
}

int control(void* m, int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  const long argument = va_arg(rest, long);
  va_end(rest);
  return machine(m).control(fd, command, argument);
}

int queued(void* m, int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  int* const answer = va_arg(rest, int*);
  va_end(rest);
  return machine(m).queued(fd, request, answer);
}

void fill_sockets(PacketdrillInterface& i) {
  i.socket = [](void* m, int domain, int type, int) { return machine(m).socket(domain, type); };
  i.bind = [](void* m, int fd, const sockaddr* a, socklen_t n) { return machine(m).bind(fd, a, n); };
  i.listen = [](void* m, int fd, int) { return machine(m).listen(fd); };
  i.accept = [](void* m, int fd, sockaddr* a, socklen_t* n) { return machine(m).accept(fd, a, n); };
  i.connect = [](void* m, int fd, const sockaddr* a, socklen_t n) { return machine(m).connect(fd, a, n); };
  i.close = [](void* m, int fd) { return machine(m).close(fd); };
  i.shutdown = [](void* m, int fd, int how) { return machine(m).shutdown(fd, how); };
  i.getsockopt = [](void* m, int fd, int level, int name, void* v, socklen_t* n) {
    return machine(m).get_option(fd, level, name, v, n);
  };
  i.setsockopt = [](void* m, int fd, int level, int name, const void* v, socklen_t n) {
    return machine(m).set_option(fd, level, name, v, n);
  };
  i.fcntl = control;
  i.ioctl = queued;
}

void fill_reading(PacketdrillInterface& i) {
  i.read = [](void* m, int fd, void* to, size_t n) { return machine(m).read(fd, bytes(to), n, 0); };
  i.readv = [](void* m, int fd, const iovec* v, int n) { return read_pieces(m, fd, v, size_t(n), 0); };
  i.recv = [](void* m, int fd, void* to, size_t n, int flags) { return machine(m).read(fd, bytes(to), n, flags); };
  i.recvfrom = [](void* m, int fd, void* to, size_t n, int flags, sockaddr*, socklen_t*) {
    return machine(m).read(fd, bytes(to), n, flags);
  };
  i.recvmsg = [](void* m, int fd, msghdr* msg, int flags) {
    msg->msg_flags = 0;
    if (flags & MSG_ERRQUEUE) return machine(m).take_completion(fd, msg);
    const ssize_t count = read_pieces(m, fd, msg->msg_iov, msg->msg_iovlen, flags);
    machine(m).tell_queue(fd, msg);
    return count;
  };
}

void fill_writing(PacketdrillInterface& i) {
  i.write = [](void* m, int fd, const void* from, size_t n) { return machine(m).write(fd, bytes(from), n, 0); };
  i.writev = [](void* m, int fd, const iovec* v, int n) { return write_pieces(m, fd, v, size_t(n), 0); };
  i.send = [](void* m, int fd, const void* from, size_t n, int flags) {
    return machine(m).write(fd, bytes(from), n, flags);
  };
  i.sendto = [](void* m, int fd, const void* from, size_t n, int flags, const sockaddr*, socklen_t) {
    return flags & MSG_FASTOPEN ? ssize_t{refused()} : machine(m).write(fd, bytes(from), n, flags);
  };
  i.sendmsg = [](void* m, int fd, const msghdr* msg, int flags) {
    return write_pieces(m, fd, msg->msg_iov, msg->msg_iovlen, flags);
  };
}

void fill_waiting(PacketdrillInterface& i) {
  i.poll = [](void* m, pollfd* fds, nfds_t n, int timeout) { return machine(m).poll(fds, n, timeout); };
  i.epoll_create = [](void* m, int) { return machine(m).epoll_create(); };
  i.epoll_ctl = [](void* m, int epoll, int operation, int fd, epoll_event* e) {
    return machine(m).epoll_control(epoll, operation, fd, e);
  };
  i.epoll_wait = [](void* m, int epoll, epoll_event* e, int n, int timeout) {
    return machine(m).epoll_wait(epoll, e, n, timeout);
  };
  i.pipe = [](void*, int fds[2]) { return ::pipe(fds); };
  i.splice = splice_bytes;
}

void fill_time_and_wire(PacketdrillInterface& i) {
  i.netdev_send = [](void* m, const void* packet, size_t size) { return machine(m).packet_arrives(packet, size); };
  i.netdev_receive = [](void* m, void* packet, size_t* size, long long* us) {
    return machine(m).packet_left(packet, size, us);
  };
  i.usleep = [](void* m, useconds_t time) {
    machine(m).sleep(std::chrono::microseconds(time));
    return 0;
  };
  i.gettimeofday = [](void* m, timeval* answer, struct timezone*) {
    machine(m).time_of_day(answer);
    return 0;
  };
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void packetdrill_interface_init(const char* flags,
                                                                                  PacketdrillInterface* interface) {
  current = new Machine(flags);
  interface->userdata = current;
  interface->free = [](void* m) {
    current = nullptr;
    delete &machine(m);
  };
  fill_sockets(*interface);
  fill_reading(*interface);
  fill_writing(*interface);
  fill_waiting(*interface);
  fill_time_and_wire(*interface);
}

extern "C" __attribute__((visibility("default"))) int getsockopt(int fd, int level, int name, void* value,
                                                                 socklen_t* size) noexcept {
  if (current && current->knows(fd)) return current->get_option(fd, level, name, value, size);
  static const auto real = reinterpret_cast<decltype(&getsockopt)>(dlsym(RTLD_NEXT, "getsockopt"));
  return real(fd, level, name, value, size);
}

extern "C" __attribute__((visibility("default"))) ssize_t sendfile(int out, int in, off_t* from, size_t size) noexcept {
  static const auto real = reinterpret_cast<decltype(&sendfile)>(dlsym(RTLD_NEXT, "sendfile"));
  if (!current || !current->knows(out)) return real(out, in, from, size);
  std::vector<std::byte> room(size);
  const ssize_t count = from ? pread(in, room.data(), size, *from) : read(in, room.data(), size);
  if (count <= 0) return count;
  const ssize_t taken = current->write(out, room.data(), size_t(count), 0);
  if (from && taken > 0) *from += taken;
  return taken;
}
