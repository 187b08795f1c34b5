// Lines of libraries in the log, as the libraries write them.
#include "dataplane/port/library_log.h"

#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <rte_log.h>

#include "base/log.h"

namespace cardea::dataplane {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr const char* kWarning = "20..-..-..T..:..:......Z warning cardea: ";

std::string logged(auto&& act) {
  take_library_logs();
  testing::internal::CaptureStderr();
  act();
  return testing::internal::GetCapturedStderr();
}

// Other tests of this binary make DPDK quiet.
struct Talkative {
  const uint32_t all = rte_log_get_global_level();
  const int eal = rte_log_get_level(RTE_LOGTYPE_EAL);
  Talkative() {
    rte_log_set_global_level(RTE_LOG_INFO);
    rte_log_set_level(RTE_LOGTYPE_EAL, RTE_LOG_INFO);
  }
  ~Talkative() {
    rte_log_set_global_level(all);
    rte_log_set_level(RTE_LOGTYPE_EAL, uint32_t(eal));
  }
};

TEST(LibraryLog, DpdksLinesHaveATimeAndALevel) {
  const Talkative talkative;
  const auto text = logged([] { rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_EAL, "EAL: no %s today\n", "IOMMU"); });
  EXPECT_THAT(text, MatchesRegex(std::string(kWarning) + "EAL: no IOMMU today\n"));
  EXPECT_THAT(logged([] { rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "EAL: first\nsecond\n"); }),
              MatchesRegex("20[^ ]* error cardea: EAL: first\n20[^ ]* error cardea: second\n"));
}

TEST(LibraryLog, LibbpfsLinesDoToo) {
  const auto text = logged([] { EXPECT_EQ(bpf_object__open("/dev/null"), nullptr); });
  EXPECT_THAT(text, MatchesRegex("20[^ ]* warning cardea: libbpf: .*"));
  EXPECT_THAT(text, HasSubstr("/dev/null"));
}

}  // namespace
}  // namespace cardea::dataplane
