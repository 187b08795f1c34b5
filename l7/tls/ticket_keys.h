// The keys that seal session tickets. All shards use the same ones, so a client resumes on whichever shard it lands;
// the server itself remembers nothing. The first key seals, every key opens: after a rotation older tickets work until
// their key is dropped, and a ticket opened with an old key is replaced by a new one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace cardea::l7::tls {

struct TicketKey {
  std::array<uint8_t, 16> name;
  std::array<uint8_t, 32> cipher;
  std::array<uint8_t, 32> mac;

  static Result<TicketKey> random();
  static TicketKey of(std::span<const uint8_t, 80> bytes);  // name, cipher, mac
};

class TicketKeys {
 public:
  static constexpr size_t kKeep = 3;

  static Result<std::shared_ptr<const TicketKeys>> create();
  // Those of a file that hosts share (base/ticket_key_file.h).
  static Result<std::shared_ptr<const TicketKeys>> read(const std::string& path);
  // A new first key before the old ones; the oldest beyond kKeep goes.
  Result<std::shared_ptr<const TicketKeys>> rotated() const;

  explicit TicketKeys(std::vector<TicketKey> keys) : keys_(std::move(keys)) {}
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;
  ~TicketKeys();  // wipes

  const TicketKey& sealing() const { return keys_.front(); }
  const TicketKey* find(const uint8_t* name) const;

 private:
  std::vector<TicketKey> keys_;
};

}  // namespace cardea::l7::tls
