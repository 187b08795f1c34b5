// The plan socket: how cardea-mgmt hands plans to the processes that run them and asks them questions. One Unix
// SOCK_SEQPACKET connection, one request at a time, one answer for each. A plan travels as a sealed memfd beside the
// request, so the reader maps what the writer can no longer change. Questions and answers that are not plans are JSON; a
// text that is too long for a message travels as a memfd too, and the reader finds it in `body` all the same. What a
// refusal means is a code, its words are for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file_descriptor.h"

namespace cardea::control {

inline constexpr size_t kBodyMax = 1 << 20;     // bytes of text in one message; a longer one goes as a memfd
inline constexpr size_t kTextMax = 256 << 20;   // bytes of any text; more is an Error

// What became of a request that brought no plan into force and no answer. Those up to kLastSent travel in refusals.
enum class Code : uint32_t {
  kNone = 0,
  kOther = 1,         // only the words say it
  kNoPlan = 2,        // the process has no plan yet, and refuses everything but one
  kNeedsRestart = 3,  // the process would start with this plan but cannot change to it
  kCannotStart = 4,   // the process cannot start with this plan on this host as it is, and runs none
  kLastSent = 4,
  kClosed = 64,       // the peer has gone
  kLate = 65,         // it did not answer in time
};

struct Failure : Error {
  Code code = Code::kOther;
  Failure(Error error, Code why = Code::kOther) : Error(std::move(error)), code(why) {}
};
template <typename T = void>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> refuse(Code code, std::string words, Origin origin = Origin::kSelf) {
  return std::unexpected(Failure({std::move(words), origin, Retry::kNever}, code));
}
// To every request but a plan, from a process that has none.
inline std::unexpected<Failure> no_plan_yet() {
  return refuse(Code::kNoPlan, "no plan yet");
}

enum class Verb : uint32_t {
  kAdopt = 1,       // memfd: a whole plan. Answer: kAdopted, or kRefused with the reason as text
  kUpdatePools = 2, // memfd: new rings and backend states for some pools of the running plan. Answer: the same
  kAsk = 3,         // body: JSON {"ask": "...", ...}. Answer: kAnswer with JSON, or kRefused with the reason as text
  kHandOver = 4,    // to cardea-l7; memfd: a socket to the process that is to take over. Answer: kAnswer with {"pid": N}
  kAdopted = 16,
  kRefused = 17,
  kAnswer = 18,
};

struct Message {
  Verb verb{};
  uint64_t generation = 0;  // of the plan that is handed over or answered for; 0 for questions
  std::string body;
  std::optional<FileDescriptor> memfd;
  Code code = Code::kNone;  // of a kRefused
};
Message refusal(const Failure& why, uint64_t generation = 0);  // the message that says it

Outcome<> send(int socket, const Message& message);
Outcome<Message> receive(int socket, std::chrono::milliseconds deadline);

inline constexpr int kBacklog = 16;

// Listening end. The socket file gets mode 0660 and the group of the process.
Result<FileDescriptor> listen(const std::string& path);
Result<FileDescriptor> accept(int listener);
Result<FileDescriptor> connect(const std::string& path);

// A memfd with these bytes, sealed against writing, shrinking and growing.
Result<FileDescriptor> seal(std::string_view name, Bytes content);

// A sealed memfd mapped for reading; refuses one that is not sealed or larger than `size_max` bytes.
class SealedMapping {
 public:
  static Result<SealedMapping> map(const FileDescriptor& memfd, size_t size_max);
  SealedMapping(SealedMapping&&) noexcept;
  SealedMapping& operator=(SealedMapping&&) noexcept;
  ~SealedMapping();
  Bytes bytes() const { return {data_, size_}; }

 private:
  SealedMapping(const std::byte* data, size_t size) : data_(data), size_(size) {}
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace cardea::control
