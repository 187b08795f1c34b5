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
#include <fstream>
#include <iterator>

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

Json line_of(const Change& change) {
  return {{"ts", time_text(change.at)},
          {"user", text_or_null(name_of(change.by.user))},
          {"uid", change.by.user},
          {"pid", change.by.pid},
          {"action", change.action},
          {"of", change.of.substr(0, Audit::kOfMax)},
          {"status", change.status},
          {"error", text_or_null(change.error)}};
}

void tell(const Change& change) {
  const std::string name = name_of(change.by.user);
  log::info("{} by {} (uid {}, pid {}){}{}: {}", change.action, name.empty() ? "somebody" : name, change.by.user, change.by.pid,
            change.of.empty() ? "" : ": ", change.of.substr(0, Audit::kOfMax), change.error.empty() ? "done" : change.error);
}

// As a full disk leaves it.
bool ends_within_a_line(int file) {
  struct stat now{};
  char last = '\n';
  return ::fstat(file, &now) == 0 && now.st_size > 0 && ::pread(file, &last, 1, now.st_size - 1) == 1 && last != '\n';
}

// What was cut in the middle is no line.
void read_lines(const std::string& file, std::vector<Json>& into) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (auto json = Json::parse(line, nullptr, false); json.is_object()) into.push_back(std::move(json));
}

}  // namespace

void Audit::append(std::string line) {
  struct stat now{};
  if (::stat(path_.c_str(), &now) == 0 && size_t(now.st_size) + line.size() >= kBytesMax)
    std::rename(path_.c_str(), (path_ + ".1").c_str());
  const FileDescriptor file(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (file && ends_within_a_line(file.get())) line.insert(0, "\n");
  if (!file || ::write(file.get(), line.data(), line.size()) != ssize_t(line.size()))
    log::error("{} could not be written: {}", path_, std::strerror(errno));
}

void Audit::note(const Change& change) {
  tell(change);
  const std::string line = dump(line_of(change)) + "\n";
  const std::scoped_lock lock(mutex_);
  append(line);
}

std::vector<Json> Audit::last(size_t count) const {
  std::vector<Json> lines;
  {
    const std::scoped_lock lock(mutex_);
    read_lines(path_, lines);
    if (lines.size() < count) {
      std::vector<Json> older;
      read_lines(path_ + ".1", older);
      std::ranges::move(lines, std::back_inserter(older));
      lines = std::move(older);
    }
  }
  std::ranges::reverse(lines);
  lines.resize(std::min(lines.size(), count));
  return lines;
}

}  // namespace cardea::mgmt::api
