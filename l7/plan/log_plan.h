// One access log as the shards see it: which exchanges it has, how its lines look, and the way out of the shards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/exchange_filter.h"
#include "base/line_format.h"
#include "base/log_target.h"
#include "l7/plan/rows.h"

namespace cardea::l7 {

class AccessLog;
struct RowSet;

struct LogMasks {
  bool query = false;   // what is behind a '?' is not told
  bool client = false;  // only a client's network: its /24, or /48
};

struct LogPlan {
  std::string name;
  LogTarget target;
  LineFormat format;
  std::optional<ExchangeFilter> when;
  uint32_t sampled = 1'000'000;  // of a million for which `when` holds
  LogMasks masks;
  std::shared_ptr<AccessLog> log;  // the same object as long as its name and target stay in the plan
  LogRows rows;
  std::shared_ptr<const RowSet> row_set;
};

}  // namespace cardea::l7
