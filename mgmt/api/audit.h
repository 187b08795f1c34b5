// Who changed what: each request that changes something, done or refused, as one line of JSON in STATE/audit.log and one
// line of this process's own log. The file is this process's, for its group to read; when it is full it becomes audit.log.1,
// in place of the one before. Who may use the API can fill it: the journal has what is no longer in it.
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
  static constexpr size_t kBytesMax = 4 << 20, kTextMax = 512;  // of a file; of each text that a line quotes

  explicit Audit(const std::string& state_dir) : path_(state_dir + "/audit.log") {}

  // From any thread. Where the file cannot be written the log says so, and has the line all the same.
  void note(const Change& change);
  // The newest first.
  std::vector<Json> last(size_t count) const;

 private:
  void append(std::string line);

  const std::string path_;
  std::mutex mutex_;  // of who writes; the files only grow, so who reads needs none
};

}  // namespace cardea::mgmt::api
