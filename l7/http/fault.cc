#include "l7/http/fault.h"

#include <iterator>

#include "base/check.h"

namespace cardea::l7::http {
namespace {

struct Row {
  std::string_view word;
  uint16_t status;
  std::string_view sentence;
};
constexpr Row kRows[] = {
#define HTTP_FAULT(id, word, status, sentence) {word, status, sentence},
#include "l7/http/faults.def"
#undef HTTP_FAULT
};

const Row& row(Fault fault) {
  CHECK(size_t(fault) < std::size(kRows));
  return kRows[size_t(fault)];
}

}  // namespace

std::string_view word(Fault fault) {
  return row(fault).word;
}
std::string_view explanation(Fault fault) {
  return row(fault).sentence;
}
uint16_t request_status(Fault fault) {
  return row(fault).status;
}

}  // namespace cardea::l7::http
