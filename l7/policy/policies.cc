#include "l7/policy/policies.h"

namespace cardea::l7::policy {

std::shared_ptr<const Policies> Policies::none() {
  static const auto none = std::make_shared<const Policies>();
  return none;
}

Result<std::shared_ptr<const Policies>> Policies::read(const settings::Policies& from) {
  settings::PoliciesT written;
  from.UnPackTo(&written);
  auto to = std::make_shared<Policies>();
  const auto read = [](const auto& edits, Moment moment, HeaderRules& into) -> Result<> {
    if (!edits) return {};
    auto rules = HeaderRules::read(*edits, moment);
    if (!rules) return std::unexpected(std::move(rules.error()));
    into = std::move(*rules);
    return {};
  };
  if (auto done = read(written.request_headers, Moment::kRequest, to->request_headers); !done)
    return std::unexpected(std::move(done.error()).in("request_headers"));
  if (auto done = read(written.response_headers, Moment::kResponse, to->response_headers); !done)
    return std::unexpected(std::move(done.error()).in("response_headers"));
  return to;
}

Result<std::shared_ptr<const Policies>> PolicyBook::read(const settings::Policies* from) {
  if (from == nullptr) return Policies::none();
  auto& known = known_[from];
  if (known) return known;
  auto made = Policies::read(*from);
  if (made) known = *made;
  return made;
}

}  // namespace cardea::l7::policy
