// What cardea-l7 and cardea-waf say to each other, over one Unix stream socket for each question: a head with version, kind
// and size, and fields behind it in the host's own byte order. Nothing that either side reads is believed: a reader checks
// every length against what is there, and what does not add up is an Error, which ends the connection and nothing else.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "l7/waf/question.h"

namespace cardea::l7::waf {

inline constexpr size_t kQuestionMax = 32 << 20;  // bytes behind the head
inline constexpr size_t kAnswerMax = 1024;
inline constexpr size_t kHeadersMax = 1024;

struct Head {
  static constexpr uint32_t kMagic = 0x46415743;  // "CWAF"
  static constexpr uint16_t kVersion = 2;
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  Kind kind{};
  uint32_t size = 0;  // bytes that follow
};
inline constexpr size_t kHeadBytes = sizeof(Head);
static_assert(kHeadBytes == 12);

// An Error: it is not of this version, or says a size that is not believed.
Result<Head> read_head(std::string_view bytes, size_t size_max);

std::string write(const Terms& terms);
// Of a list of rule files: by which a question names the set.
uint64_t rules_id(std::span<const std::string> files);

// The head and all but the body, of which `body_bytes` follow. `terms`: as write() made them.
size_t size_of(const Question& question, std::string_view terms);
std::string_view write(std::span<char> into, const Question& question, std::string_view terms, size_t body_bytes);
// `bytes`: what followed the head, which it views.
Result<Question> read_question(std::string_view bytes);

// That a worker has begun, and who asked is not waiting for its turn any more.
std::string begun();
std::string write(const Verdict& verdict);  // with its head
Result<Verdict> read_verdict(std::string_view bytes);  // what followed the head

}  // namespace cardea::l7::waf
