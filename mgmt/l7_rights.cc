#include "mgmt/l7_rights.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "conf/quote.h"
#include "mgmt/files_for_l7.h"

namespace cardea::mgmt {
namespace {

// This thread's alone, as the kernel's calls have it and those of glibc have not.
bool become(const passwd& user, const std::vector<gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0 &&
         ::syscall(SYS_setresgid, user.pw_gid, user.pw_gid, user.pw_gid) == 0 &&
         ::syscall(SYS_setresuid, user.pw_uid, user.pw_uid, user.pw_uid) == 0;
}

// Its own, and the daemons', which its unit gives it.
std::vector<gid_t> groups_of(const passwd& user) {
  std::vector<gid_t> groups(256);
  int count = int(groups.size());
  if (::getgrouplist(user.pw_name, user.pw_gid, groups.data(), &count) < 0) count = int(groups.size());
  groups.resize(size_t(count));
  if (const group* const daemons = ::getgrnam("cardea")) groups.push_back(daemons->gr_gid);
  return groups;
}

void look(const std::vector<FileForL7>& files, const char* user, conf::Findings& findings) {
  for (const FileForL7& file : files) {
    if (::access(file.name.c_str(), file.kind == FileForL7::kFolder ? X_OK : R_OK) == 0 || errno != EACCES) continue;
    findings.push_back({conf::Finding::warning,
                        file.place,
                        fmt::format("{}: the user {} may not read it", conf::in_quotes(file.name), user),
                        fmt::format("a file, and folders above it, that are for {} too", user),
                        {}});
  }
}

}  // namespace

conf::Findings look_at_rights(const conf::Config& config, const char* user) {
  conf::Findings findings;
  const passwd* const known = ::geteuid() == 0 ? ::getpwnam(user) : nullptr;
  if (known == nullptr) return findings;
  const auto files = files_for_l7(config);
  const auto groups = groups_of(*known);
  std::thread([&] {
    if (become(*known, groups)) look(files, user, findings);
  }).join();
  return findings;
}

}  // namespace cardea::mgmt
