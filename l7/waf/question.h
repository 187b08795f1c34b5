// A question about one exchange, and what comes of it: values, without the bytes that they travel in (message.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cardea::l7::waf {

enum class Kind : uint16_t { kRequest = 1, kVerdict = 3, kBegun = 4 };

struct Pair {
  std::string_view name, value;
};
struct IdRange {
  uint32_t first = 0, last = 0;
};

// What holds for all requests of one policy: written once, when its plan is loaded.
struct Terms {
  uint64_t rules = 0;           // which of the sets that were loaded
  uint32_t time_max_ms = 0;     // of a worker's own time; then it is ended
  uint32_t arguments_max = 0, value_max = 0;  // 0: any number, any length
  bool part = false;            // the body may be a beginning
  std::vector<Pair> variables{};  // of the rules: tx.NAME
  std::vector<IdRange> removed{};  // rules that do not count
};

struct Question {
  Terms terms;
  std::string_view client, server;
  uint16_t client_port = 0, server_port = 0;
  std::string_view method, uri, version;  // "1.1"
  std::vector<Pair> headers;
  std::string_view body;
};

enum class Outcome : uint8_t {
  kPass = 0,
  kMatch = 1,         // by the rules it is to be refused
  kArguments = 2,     // more than arguments_max
  kValue = 3,         // one that is longer than value_max
  kUnknownRules = 4,  // that set is not loaded
  kFailed = 5,        // the engine could not
};

struct Verdict {
  static constexpr size_t kRulesMax = 16;
  Outcome outcome = Outcome::kFailed;
  uint16_t score = 0;           // anomaly score
  uint32_t micros = 0;          // that it took
  uint32_t rules_count = 0;     // that matched; of them the first
  std::array<uint32_t, kRulesMax> rules{};

  std::span<const uint32_t> ids() const { return {rules.data(), std::min<size_t>(rules_count, kRulesMax)}; }
};

}  // namespace cardea::l7::waf
