// Any bytes as a configuration: reading them must end, without a crash, a leak or an opened file, and what was accepted
// must read back from its own printed form to the same value.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "conf/findings_text.h"
#include "conf/print.h"
#include "conf/read.h"

// libconfig 1.5 loses the texts and names it had in hand when it meets a syntax error. That is not ours to fix.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libconfig++.so\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cardea::conf;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ReadResult read = read_text(text, "fuzz.cfg", Includes::kRefuse);
  CHECK(read.source.files.size() == 1, "an include was followed");
  findings_text(read.findings, read.source);
  CHECK(read.config.has_value() == (count(read.findings, Finding::error) == 0));
  if (!read.config) return 0;
  const ReadResult again = read_text(print(*read.config, Secrets::kShown), "printed.cfg");
  CHECK(again.config.has_value() && *again.config == *read.config, "a printed configuration reads back to another");
  return 0;
}
