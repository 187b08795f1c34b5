#include "base/exchange_field.h"

#include <algorithm>

namespace cardea {

const std::vector<ExchangeFieldRow>& exchange_fields() {
  static const std::vector<ExchangeFieldRow> rows = {
#define EXCHANGE_FIELD(id, name, kind, in_json, prose) {ExchangeField::id, name, FieldKind::kind, in_json, prose},
#include "base/exchange_fields.def"
#undef EXCHANGE_FIELD
  };
  return rows;
}

const ExchangeFieldRow& row_of(ExchangeField field) {
  return exchange_fields()[size_t(field)];
}

std::optional<ExchangeField> exchange_field(std::string_view name) {
  const auto found = std::ranges::find(exchange_fields(), name, &ExchangeFieldRow::name);
  return found == exchange_fields().end() ? std::nullopt : std::optional(found->field);
}

}  // namespace cardea
