#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace cardea {

void check_failed(const char* condition, const char* file, int line, const char* why) {
  const char* separator = *why != '\0' ? ": " : "";
  std::fprintf(stderr, "%s:%d: CHECK(%s) failed%s%s\n", file, line, condition, separator, why);
  std::abort();
}

}  // namespace cardea
