// An exchange's record, asked by field: for the log's lines, for conditions, for who looks at it live. Texts are cut where
// a line has to end, masked where the log says so, and stay until the next one is asked for.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "base/exchange_field.h"
#include "l7/plan/log_plan.h"
#include "l7/proxy/record.h"

namespace cardea::l7::proxy {

class RecordFields {
 public:
  explicit RecordFields(const Record& record, LogMasks masks = {}) : record_(record), masks_(masks) {}

  FieldValue value(ExchangeField field);

 private:
  FieldValue text_value(ExchangeField field);
  FieldValue haproxy_value(ExchangeField field);
  FieldValue since_began(Instant when) const;
  FieldValue join(std::initializer_list<std::string_view> pieces);
  FieldValue client(bool with_port);
  const policy::Geo* geo() const { return record_.service ? record_.service->geo.get() : nullptr; }
  std::string_view query() const;
  std::string_view referer();
  FieldValue target();
  FieldValue request(std::string_view none);
  FieldValue timers();

  const Record& record_;
  const LogMasks masks_;
  std::array<char, 2048> scratch_;
};

// What a line has room for of each.
inline constexpr size_t kHostMax = 256, kMethodMax = 32, kPathMax = 1024, kQueryMax = 512, kHeaderMax = 256;

}  // namespace cardea::l7::proxy
