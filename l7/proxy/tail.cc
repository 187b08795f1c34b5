#include "l7/proxy/tail.h"

#include <utility>

#include "base/line_format.h"
#include "l7/proxy/log_line.h"
#include "l7/proxy/record_fields.h"
#include "l7/proxy/shard.h"

namespace cardea::l7::proxy {

Tail::Tail(std::optional<ExchangeFilter> filter, size_t shards) : filter_(std::move(filter)) {
  for (size_t i = 0; i < shards; ++i) rings_.push_back(std::make_unique<ByteRing>(kRingBytes));
}

void Tail::see(Shard& shard, const Record& record) {
  static const LineFormat kJson = *parse_line_format("json");
  RecordFields fields(record);
  if (filter_ && !filter_->matches([&](ExchangeField field) { return fields.value(field); })) return;
  LogLine line;
  if (!rings_[shard.number()]->put(write_line(line, kJson, fields)))
    dropped_.fetch_add(1, std::memory_order_relaxed);
}

void Tail::take(std::vector<std::string>& lines, size_t most) {
  std::string parted;
  for (const auto& ring : rings_)
    while (lines.size() < most && ring->size() != 0) {
      const std::string_view line = ring->line(parted);
      lines.emplace_back(line.substr(0, line.size() - 1));
      ring->take(line.size());
    }
}

}  // namespace cardea::l7::proxy
