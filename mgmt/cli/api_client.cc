#include "mgmt/cli/api_client.h"

#include <fmt/format.h>
#include <grp.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/file_descriptor.h"
#include "mgmt/cli/mgmt_process.h"

namespace cardea::mgmt::cli {
namespace {

constexpr auto kAnswerTime = std::chrono::seconds(60);  // a reload of a large configuration is part of it

std::string start_hint() {
  const auto mgmt = find_mgmt();
  if (mgmt && !mgmt->elsewhere) {
    return fmt::format(
        "cardea-mgmt runs (pid {}): it has been started just now, or it listens elsewhere, where mgmt.api in its "
        "configuration says: give that socket with --api",
        mgmt->pid);
  }
  const std::string start = "start it with: systemctl start cardea-mgmt (why it ended: journalctl -u cardea-mgmt)";
  if (mgmt)
    return fmt::format(
        "one runs in a container (pid {} here), where its socket is too; on this host itself none does: {}", mgmt->pid,
        start);
  return "cardea-mgmt is not running; " + start;
}

std::string group_of(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return {};
  if (about.st_gid == 0) return {};  // nobody is to be made a member of root's
  const group* const entry = ::getgrgid(about.st_gid);
  return entry != nullptr ? entry->gr_name : std::to_string(about.st_gid);
}

// The socket's own group, or that of the directory which hides it.
std::string permission_hint(const std::string& socket) {
  std::string group = group_of(socket);
  if (group.empty()) group = group_of(socket.substr(0, socket.rfind('/')));
  if (group.empty()) return "run this as root";
  return fmt::format(
      "members of the group {0} may use it: usermod -a -G {0} $USER and log in again, or run this as root", group);
}

}  // namespace

std::string why_unreachable(const std::string& socket, int error_number) {
  switch (error_number) {
    case ENOENT:
      return fmt::format("cannot reach cardea-mgmt: {} does not exist\n{}", socket, start_hint());
    case ECONNREFUSED:
      return fmt::format(
          "cannot reach cardea-mgmt: nobody listens on {}, which a cardea-mgmt that ended left behind\n{}", socket,
          start_hint());
    case EACCES:
    case EPERM:
      return fmt::format("no permission to open {}\n{}", socket, permission_hint(socket));
    default:
      return fmt::format("cannot reach cardea-mgmt at {}: {}\n{}", socket,
                         std::generic_category().message(error_number), start_hint());
  }
}

// The HTTP library says only that there was no connection, so the socket is tried first.
Result<> ApiClient::reachable() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.size() >= sizeof address.sun_path) return fail(fmt::format("{}: too long for a socket's path", socket_));
  std::memcpy(address.sun_path, socket_.c_str(), socket_.size() + 1);
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno("make a socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(why_unreachable(socket_, errno));
  return {};
}

namespace {

httplib::Client client_of(const std::string& socket) {
  httplib::Client client(socket);
  client.set_address_family(AF_UNIX);
  client.set_default_headers({{"Host", "cardea"}, {"Accept", "application/json"}});
  client.set_read_timeout(kAnswerTime);
  return client;
}

Result<Answer> answer_of(const httplib::Result& result, const std::string& socket) {
  if (result) return Answer{result->status, result->body};
  return fail(fmt::format("cardea-mgmt did not answer on {}: {}\nits log may say why: journalctl -u cardea-mgmt",
                          socket, httplib::to_string(result.error())));
}

}  // namespace

Result<Answer> ApiClient::get(const std::string& path) const {
  if (auto reached = reachable(); !reached) return std::unexpected(reached.error());
  return answer_of(client_of(socket_).Get(path), socket_);
}

Result<Answer> ApiClient::post(const std::string& path, const std::string& json) const {
  if (auto reached = reachable(); !reached) return std::unexpected(reached.error());
  return answer_of(client_of(socket_).Post(path, json, "application/json"), socket_);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::strchr("-._~", c) != nullptr;
    if (plain && c != '\0') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", uint8_t(c));
    }
  }
  return out;
}

}  // namespace cardea::mgmt::cli
