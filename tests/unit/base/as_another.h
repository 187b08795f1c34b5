// What a process of another user and group can do at a socket of ours that it got at all the same: its folder is where
// it stands before it becomes him, whoever may walk through the folders above.
#pragma once

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace cardea {

// `what()` is run there and its value, below 100, returned; 100 when nothing could be tried. Meanwhile serve() is
// called again and again.
template <typename What, typename Serve>
int as_another(uid_t user, gid_t group, const std::filesystem::path& folder, What&& what, Serve&& serve) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.c_str()) != 0 || ::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
        ::setresuid(user, user, user) != 0)
      ::_exit(100);
    ::_exit(what());
  }
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) serve();
  return WEXITSTATUS(status);
}

}  // namespace cardea
