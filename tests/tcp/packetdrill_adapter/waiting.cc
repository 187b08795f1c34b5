// poll and epoll over what sockets are ready for.
#include <cerrno>

#include "tests/tcp/packetdrill_adapter/machine.h"

namespace cardea::packetdrill {
namespace {

using l7::tcp::Connection;
using l7::tcp::Ending;

int fails(int error) {
  errno = error;
  return -1;
}

}  // namespace

short Machine::ready_connection(const Socket& s, const Connection& c) const {
  int events = 0;
  if (c.received.readable() > 0 || c.fin_received || s.end_told || s.read_shut) events |= POLLIN | POLLRDNORM;
  if (c.fin_received || s.read_shut) events |= POLLRDHUP;
  if (s.opened && can_write(s)) events |= POLLOUT | POLLWRNORM;
  if (s.end_told) events |= POLLHUP | POLLRDHUP | POLLOUT | POLLWRNORM;
  if ((c.fin_received || s.read_shut) && s.write_shut) events |= POLLHUP;
  return short(events);
}

short Machine::ready(int fd) {
  Socket* s = find(fd);
  if (!s) return POLLNVAL;
  if (s->listening) return s->accepted.empty() ? 0 : POLLIN | POLLRDNORM;
  const Connection* c = connection_of(*s);
  int events = c ? ready_connection(*s, *c) : POLLHUP | POLLOUT;
  if (!c && s->end_told) events |= POLLIN | POLLRDHUP;
  const bool broken = s->end_told && s->ending != Ending::kOrderly && s->ending != Ending::kAborted;
  if ((broken && !s->error_told) || !s->completions.empty() || !s->stamps.empty()) events |= POLLERR;
  return short(events);
}

int Machine::poll(pollfd* fds, nfds_t count, int timeout) {
  Lock lock(mutex_);
  int some = 0;
  wait(lock, timeout, [&] {
    some = 0;
    for (nfds_t i = 0; i < count; i++) {
      Socket* s = find(fds[i].fd);
      fds[i].revents = short(ready(fds[i].fd) & (fds[i].events | POLLERR | POLLHUP | POLLNVAL));
      some += fds[i].revents != 0;
      if (s && (fds[i].events & POLLOUT) && !(fds[i].revents & POLLOUT)) s->short_of_room = true;
    }
    return some > 0;
  });
  return some;
}

int Machine::epoll_create() {
  const Lock lock(mutex_);
  return new_descriptor(Socket{});
}

int Machine::epoll_control(int epoll, int operation, int fd, epoll_event* event) {
  const Lock lock(mutex_);
  Socket* e = find(epoll);
  if (!e || !find(fd)) return fails(EBADF);
  const bool known = e->watched.contains(fd);
  if (operation == EPOLL_CTL_ADD ? known : !known) return fails(known ? EEXIST : ENOENT);
  if (operation == EPOLL_CTL_DEL)
    e->watched.erase(fd);
  else
    e->watched[fd] = {.asked = *event};
  changed_.notify_all();
  return 0;
}

// What is told of it now, and that it was told.
uint32_t Machine::look(int fd, Watch& watch) {
  const uint32_t asked = watch.asked.events;
  Socket* s = find(fd);
  if (!s || watch.spent) return 0;
  const uint32_t events = uint32_t(ready(fd)) & (asked | EPOLLERR | EPOLLHUP);
  if ((asked & EPOLLOUT) && !(events & EPOLLOUT)) s->short_of_room = true;
  const Wakes& w = s->wakes;
  const uint64_t wakes = (asked & EPOLLIN ? w.in : 0) + (asked & EPOLLOUT ? w.out : 0) + w.error + 1;
  if (events == 0 || ((asked & EPOLLET) && watch.told == wakes)) return 0;
  watch.told = wakes;
  watch.spent = asked & EPOLLONESHOT;
  return events;
}

int Machine::epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  Lock lock(mutex_);
  Socket* e = find(epoll);
  if (!e) return fails(EBADF);
  int count = 0;
  wait(lock, timeout, [&] {
    for (auto& [fd, watch] : e->watched) {
      if (count == most) break;
      if (const uint32_t now = look(fd, watch)) events[count++] = {.events = now, .data = watch.asked.data};
    }
    return count > 0;
  });
  return count;
}

}  // namespace cardea::packetdrill
