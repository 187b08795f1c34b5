// Clients that went on while a limit refused them, until cardea-mgmt asks for them and has the dataplane drop what they send
// (rate_limits[].block_for). Bounded: who finds no room is blamed again with its next refusal. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/ip.h"

namespace cardea::l7::policy {

class Blamed {
 public:
  static constexpr size_t kRoom = 1024;

  struct One {
    IpAddress client;  // of IPv6 its /64
    uint32_t block_ms = 0;
    std::string limit;
  };
  // False: there is no room for one more.
  bool add(const IpAddress& client, uint32_t block_ms, const std::string& limit);
  std::vector<One> take();  // all of them; they are forgotten here

 private:
  std::mutex mutex_;  // held for one look
  std::map<IpAddress, One> all_;
};

}  // namespace cardea::l7::policy
