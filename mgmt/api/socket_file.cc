#include "mgmt/api/socket_file.h"

#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"

namespace cardea::mgmt::api {
namespace {

constexpr int kBacklog = 128;  // a client that finds it full is refused by the kernel at once

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

FileDescriptor new_socket() {
  return FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Whether somebody answers at this socket file, or only its name was left behind.
bool answered(const std::string& path) {
  const sockaddr_un address = address_of(path);
  const FileDescriptor socket = new_socket();
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

Result<> remove_stale(const std::string& path) {
  std::error_code problem;
  const auto status = std::filesystem::symlink_status(path, problem);
  if (!std::filesystem::exists(status)) return {};
  if (!std::filesystem::is_socket(status))
    return fail(fmt::format("{} exists and is not a socket: remove it", path), Origin::kOperator);
  if (answered(path)) return fail(fmt::format("another process answers at {}", path), Origin::kOperator);
  if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
  return {};
}

Result<> give_to_group(const std::string& path, const std::string& group) {
  if (::chmod(path.c_str(), 0660) != 0) return fail_errno("set the mode of " + path);
  if (group.empty()) return {};
  const ::group* entry = ::getgrnam(group.c_str());
  if (entry == nullptr)
    return fail(fmt::format("mgmt.api_group: there is no group \"{}\" on this host", group), Origin::kOperator);
  if (::chown(path.c_str(), uid_t(-1), entry->gr_gid) != 0)
    return fail_errno(fmt::format("give {} to group {}", path, group));
  return {};
}

}  // namespace

Result<FileDescriptor> listen_at(const std::string& path, const std::string& group) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(
        fmt::format("the API socket's path {} is longer than {} bytes", path, sizeof(sockaddr_un::sun_path) - 1),
        Origin::kOperator);
  if (auto removed = remove_stale(path); !removed) return std::unexpected(std::move(removed.error()));
  FileDescriptor socket = new_socket();
  if (!socket) return fail_errno("make a socket for the API");
  const sockaddr_un address = address_of(path);
  // The mode of the socket before bind() is the mode of its file, less the umask: it is never open wider than this.
  ::fchmod(socket.get(), 0660);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno("bind " + path);
  if (auto given = give_to_group(path, group); !given)
    log::warning("{}; only the group of this process may use the API", given.error().message);
  if (::listen(socket.get(), kBacklog) != 0) return fail_errno("listen at " + path);
  return socket;
}

}  // namespace cardea::mgmt::api
