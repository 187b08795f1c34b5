#include "mgmt/api/audit.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <sstream>
#include <utility>

#include "base/file_descriptor.h"
#include "base/log.h"

namespace cardea::mgmt::api {
namespace {

// Empty: nobody of this host has that number.
std::string name_of(uid_t user) {
  std::array<char, 4096> room;
  passwd entry{}, *found = nullptr;
  ::getpwuid_r(user, &entry, room.data(), room.size(), &found);
  return found ? found->pw_name : "";
}

std::string cut(const std::string& text) {
  return text.substr(0, Audit::kTextMax);
}

Json line_of(const Change& change) {
  return {{"ts", time_text(change.at)},
          {"user", text_or_null(name_of(change.by.user))},
          {"uid", change.by.user},
          {"pid", change.by.pid},
          {"action", change.action},
          {"of", cut(change.of)},
          {"status", change.status},
          {"error", text_or_null(cut(change.error))}};
}

void tell(const Change& change) {
  const std::string name = name_of(change.by.user);
  log::info("{} by {} (uid {}, pid {}){}{}: {}", change.action, name.empty() ? "somebody" : name, change.by.user, change.by.pid,
            change.of.empty() ? "" : ": ", cut(change.of), change.error.empty() ? "done" : cut(change.error));
}

// A file of ours. Others who may write into the folder may have put something else there, which nobody waits for.
FileDescriptor open_own(const std::string& path, int how) {
  FileDescriptor file(::open(path.c_str(), how | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640));
  struct stat found{};
  const bool ours = file && ::fstat(file.get(), &found) == 0 && S_ISREG(found.st_mode) && found.st_uid == ::geteuid();
  if (file && !ours) errno = EPERM;
  return ours ? std::move(file) : FileDescriptor();
}

size_t size_of(const FileDescriptor& file) {
  struct stat now{};
  return ::fstat(file.get(), &now) == 0 ? size_t(now.st_size) : 0;
}

// As a full disk leaves it.
bool ends_within_a_line(const FileDescriptor& file) {
  char last = '\n';
  const size_t size = size_of(file);
  return size != 0 && ::pread(file.get(), &last, 1, off_t(size - 1)) == 1 && last != '\n';
}

// The last lines; what was cut in the middle is none.
std::vector<Json> last_lines(const std::string& path, size_t count) {
  constexpr size_t kLineMax = 8 * 1024;
  std::vector<Json> lines;
  const FileDescriptor file = open_own(path, O_RDONLY);
  if (!file) return lines;
  const size_t size = size_of(file), wanted = std::min({size, count * kLineMax, 2 * Audit::kBytesMax});
  std::string text(wanted, '\0');
  const ssize_t read = ::pread(file.get(), text.data(), wanted, off_t(size - wanted));
  text.resize(read > 0 ? size_t(read) : 0);
  std::istringstream all(std::move(text));
  for (std::string line; std::getline(all, line);)
    if (auto json = Json::parse(line, nullptr, false); json.is_object()) lines.push_back(std::move(json));
  return lines;
}

}  // namespace

void Audit::append(std::string line) {
  struct stat now{};
  if (::lstat(path_.c_str(), &now) == 0 && size_t(now.st_size) + line.size() >= kBytesMax &&
      std::rename(path_.c_str(), (path_ + ".1").c_str()) != 0)
    return log::error("{} is full and cannot be put aside: {}", path_, std::strerror(errno));
  errno = 0;
  const FileDescriptor file = open_own(path_, O_RDWR | O_APPEND | O_CREAT);
  if (file && ends_within_a_line(file)) line.insert(0, "\n");
  if (!file || ::write(file.get(), line.data(), line.size()) != ssize_t(line.size()))
    log::error("{} could not be written: {}", path_, std::strerror(errno != 0 ? errno : ENOSPC));
}

void Audit::note(const Change& change) {
  tell(change);
  const std::string line = dump(line_of(change)) + "\n";
  const std::scoped_lock lock(mutex_);
  append(line);
}

std::vector<Json> Audit::last(size_t count) const {
  std::vector<Json> lines = last_lines(path_, count);
  if (lines.size() < count) {
    std::vector<Json> older = last_lines(path_ + ".1", count - lines.size());
    std::ranges::move(lines, std::back_inserter(older));
    lines = std::move(older);
  }
  std::ranges::reverse(lines);
  lines.resize(std::min(lines.size(), count));
  return lines;
}

}  // namespace cardea::mgmt::api
