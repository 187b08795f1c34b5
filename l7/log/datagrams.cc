#include "l7/log/datagrams.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "l7/runtime/socket_address.h"

namespace cardea::l7 {
namespace {

constexpr int kInformational = 6;  // RFC 5424 6.2.1
constexpr const char* kName = "cardea-l7";

std::string host_name() {
  char name[256] = "";
  return ::gethostname(name, sizeof name - 1) == 0 && *name ? name : "-";
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

// "2026-03-01T12:00:00.123Z"
std::string now_text() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

}  // namespace

Datagrams::Datagrams(LogTarget target) : target_(std::move(target)), host_(host_name()) {}

bool Datagrams::connect() {
  const bool udp = target_.kind == LogTarget::Kind::kSyslogUdp;
  const int family = !udp ? AF_UNIX : target_.endpoint.address.is_v4() ? AF_INET : AF_INET6;
  socket_ = FileDescriptor(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return error_ = errno, false;
  int done = -1;
  if (udp) {
    const SocketAddress address(target_.endpoint);
    done = ::connect(socket_.get(), address.data(), address.length);
  } else {
    const sockaddr_un address = unix_address(target_.path);
    done = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (done == 0) return true;
  error_ = errno;
  socket_ = FileDescriptor();
  return false;
}

void Datagrams::put_header() {
  if (target_.kind == LogTarget::Kind::kJournal) {
    text_ = fmt::format("SYSLOG_IDENTIFIER={}\nPRIORITY={}\nMESSAGE=", kName, kInformational);
  } else {
    text_ = fmt::format("<{}>1 {} {} {} {} access - ", target_.facility * 8 + kInformational, now_text(), host_, kName,
                        ::getpid());
  }
}

Datagrams::Outcome Datagrams::send(std::string_view line) {
  if (!socket_ && !connect()) return Outcome::kFailed;
  put_header();
  text_.append(line);
  if (target_.kind == LogTarget::Kind::kJournal) text_ += '\n';
  if (::send(socket_.get(), text_.data(), text_.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Outcome::kTaken;
  error_ = errno;
  if (error_ == EAGAIN || error_ == ENOBUFS || error_ == EINTR) return Outcome::kNotNow;
  if (error_ == EMSGSIZE) return Outcome::kLost;
  // Of UDP the answer to an earlier one, and that is over; of a Unix socket its reader has gone, and the next may be there.
  const bool earlier = error_ == ECONNREFUSED && target_.kind == LogTarget::Kind::kSyslogUdp;
  if (!earlier) socket_ = FileDescriptor();
  return earlier ? Outcome::kEarlierLost : Outcome::kFailed;
}

}  // namespace cardea::l7
