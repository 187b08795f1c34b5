// Names and texts of the reasons, grown from reasons.def.
#include "dataplane/path/reasons.h"

#include <array>

namespace cardea::dataplane {
namespace {

struct Row {
  std::string_view name, help;
  bool drop;
};

constexpr std::array<Row, kReasonCount> kRows = {{
    {"none", "Nothing stopped the packet", false},
#define DROP(name, help) {#name, help, true},
#define DOOR(name, help) {#name, help, false},
#include "dataplane/path/reasons.def"
#undef DROP
#undef DOOR
}};

}  // namespace

std::string_view name(Reason reason) {
  return kRows[size_t(reason)].name;
}
std::string_view help(Reason reason) {
  return kRows[size_t(reason)].help;
}
bool is_drop(Reason reason) {
  return kRows[size_t(reason)].drop;
}

}  // namespace cardea::dataplane
