// The header that tells an exchange's id, in place of any that reads like it.
#pragma once

#include <string_view>

#include "l7/http/header_changes.h"
#include "l7/http/serialise.h"

namespace cardea::l7::http {

struct IdHeader {
  std::string_view name, id;  // no name: it is not told
};

// Unless the name is one that is not to go on.
inline void write_id(HeadWriter& out, const IdHeader& ours, const HeaderChanges& changes) {
  if (!ours.name.empty() && !changes.drops(ours.name)) out.field(ours.name, ours.id);
}

}  // namespace cardea::l7::http
