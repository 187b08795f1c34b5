// OCSP (RFC 6960) for a server's own certificate: the question about it, and the answer that is stapled to handshakes (RFC
// 6066 8). An answer is nobody's word until it was checked: signed by the certificate's issuer or by whom that issuer
// appointed for it, about this certificate, good, and of now. What is parsed here comes from a network.
#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cardea::l7::tls {

struct Certificate;

struct Staple {
  using Time = std::chrono::sys_seconds;
  std::string der;
  Time this_update{}, next_update{};
};

// What is stapled for one certificate: written by the control thread, read by every shard's handshakes.
class StapleSlot {
 public:
  void set(std::shared_ptr<const Staple> staple) { current_.store(std::move(staple)); }
  std::shared_ptr<const Staple> get() const { return current_.load(); }
  // Null: none, or it is out of date.
  std::shared_ptr<const Staple> get(Staple::Time now) const {
    std::shared_ptr<const Staple> held = get();
    return held && now < held->next_update ? held : nullptr;
  }

  // Why the last answer was not taken, or did not come; empty: it was. The control thread's only.
  void set_problem(std::string why) { problem_ = std::move(why); }
  const std::string& problem() const { return problem_; }

 private:
  std::atomic<std::shared_ptr<const Staple>> current_;
  std::string problem_;
};

// Of an answer; they have 500 bytes to 3 KB. Less than an extension of a TLS 1.3 certificate has room for.
constexpr size_t kStapleBytesMax = 32 * 1024;

// Of the first certificate of a chain: the request, as it is sent. An Error says what is missing.
Result<std::string> staple_question(const Certificate& certificate);

// Why an answer is not stapled.
struct NotStapled {
  std::string why;
  bool revoked = false;  // what was stapled before is not true any more
};
std::expected<std::shared_ptr<const Staple>, NotStapled> read_staple(std::string_view der, const Certificate& certificate,
                                                                     Staple::Time now);

}  // namespace cardea::l7::tls
