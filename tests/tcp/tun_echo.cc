// A host of our own TCP at the other end of a TUN device: everything that comes to its port 80 goes back, whatever the
// address. `tun_echo NAME [LOSS [cookies]]` makes the device in the current network namespace and says "ready"; LOSS is
// of 1000 packets in either direction; with cookies no handshake is remembered. Other people's TCPs are tried on it.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "l7/tcp/stack.h"

namespace cardea::l7::tcp {
namespace {

int open_tun(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq wanted{};
  wanted.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(wanted.ifr_name, name, IFNAMSIZ - 1);
  CHECK(fd >= 0 && ioctl(fd, TUNSETIFF, &wanted) == 0, "no TUN device");
  return fd;
}

Settings settings(bool cookies) {
  Random random(uint64_t(getpid()) << 32 | uint64_t(time(nullptr)));
  Settings settings;
  for (HashKey* key : {&settings.table_key, &settings.isn_key, &settings.timestamp_key, &settings.cookie_key})
    *key = {random.next(), random.next()};
  settings.receive_window_max = 4 << 20;
  if (cookies) settings.half_open = 0;
  return settings;
}

// What came and goes back: each piece stays until the peer has acknowledged it.
struct Echo {
  ConnectionId id;
  std::deque<std::vector<std::byte>> lent;
  size_t written = 0;     // of the last piece
  uint64_t released = 0;  // bytes of pieces that are gone
};

class Host {
 public:
  Host(const char* name, unsigned loss, bool cookies)
      : tun_(open_tun(name)), loss_(loss), stack_(settings(cookies), monotonic_now()) {
    CHECK(stack_.listen({IpAddress{}, 80}).has_value());
  }

  void turn() {
    wait();
    now_ = monotonic_now();
    stack_.advance(now_);
    receive();
    hear();
    for (auto& [index, echo] : echoes_) answer(echo);
    send();
  }

 private:
  bool is_lost() { return random_.below(1000) < loss_; }

  void wait() {
    const Instant next = stack_.next();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - std::min(next, monotonic_now()));
    pollfd asked{tun_, POLLIN, 0};
    poll(&asked, 1, int(std::min<int64_t>(left.count(), 1000)));
  }

  void receive() {
    for (int i = 0; i < 64; i++) {
      const ssize_t size = read(tun_, room_, sizeof room_);
      if (size <= 0) return;
      if (!is_lost()) stack_.receive(Bytes(room_, size_t(size)), now_);
    }
  }

  void hear() {
    while (const auto notice = stack_.next_notice()) {
      if (notice->events & kOpened) echoes_[notice->id.index].id = notice->id;
      if (!(notice->events & kEnded)) continue;
      echoes_.erase(notice->id.index);
      stack_.close(notice->id, now_);
    }
  }

  bool last_is_written(const Echo& echo) const { return echo.lent.empty() || echo.written == echo.lent.back().size(); }

  void answer(Echo& echo) {
    const Connection* c = stack_.find(echo.id);
    if (!c) return;
    while (!echo.lent.empty() && echo.released + echo.lent.front().size() <= c->acknowledged) {
      echo.released += echo.lent.front().size();
      echo.lent.pop_front();
      if (echo.lent.empty()) echo.written = 0;
    }
    while (true) {
      if (!last_is_written(echo))
        echo.written += stack_.write(echo.id, Bytes(echo.lent.back()).subspan(echo.written), now_);
      const Bytes front = stack_.front(echo.id);
      if (!last_is_written(echo) || front.empty()) break;
      echo.lent.emplace_back(front.begin(), front.end());
      echo.written = 0;
      stack_.consume(echo.id, front.size(), now_);
    }
    const bool all_came = c->fin_received && stack_.front(echo.id).empty() && last_is_written(echo);
    if (all_came) stack_.finish(echo.id, now_);
  }

  void send() {
    while (const size_t size = stack_.transmit(room_, now_))
      if (!is_lost() && ::write(tun_, room_, size) < 0) continue;  // a full queue is a loss
  }

  int tun_;
  unsigned loss_;
  Random random_{42};
  Instant now_{};
  Stack stack_;
  std::map<uint32_t, Echo> echoes_;
  std::byte room_[65536];
};

}  // namespace
}  // namespace cardea::l7::tcp

int main(int count, char** words) {
  if (count < 2) return 2;
  const auto loss = unsigned(count > 2 ? std::atoi(words[2]) : 0);
  auto host =
      std::make_unique<cardea::l7::tcp::Host>(words[1], loss, count > 3 && std::string_view(words[3]) == "cookies");
  std::puts("ready");
  std::fflush(stdout);
  while (true) host->turn();
}
