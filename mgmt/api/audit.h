// Who changed what: each request that changes something, done or refused, as one line of JSON in STATE/audit.log and one
// line of this process's own log. The file is root's and this process's group's; when it is full it becomes
// audit.log.1, in place of the one before.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/peer_credentials.h"
#include "mgmt/api/json.h"

namespace cardea::mgmt::api {

struct Change {
  std::chrono::system_clock::time_point at = std::chrono::system_clock::now();
  PeerCredentials by;  // as the kernel knows who asked
  std::string action;  // "reload", "purge", "set backend"
  std::string of;      // of what, and what to: as it was asked for
  int status = 200;    // that it was answered with
  std::string error;   // why it was refused; empty: it was done
};

class Audit {
 public:
  static constexpr size_t kBytesMax = 4 << 20, kOfMax = 1024;  // of a file; of what one line quotes

  explicit Audit(const std::string& state_dir) : path_(state_dir + "/audit.log") {}

  // From any thread. Where the file cannot be written the log says so, and has the line all the same.
  void note(const Change& change);
  // The newest first.
  std::vector<Json> last(size_t count) const;

 private:
  void append(std::string line);

  const std::string path_;
  mutable std::mutex mutex_;
};

}  // namespace cardea::mgmt::api
