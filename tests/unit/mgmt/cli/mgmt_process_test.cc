#include "mgmt/cli/mgmt_process.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace cardea::mgmt::cli {
namespace {

class MgmtProcessTest : public ::testing::Test {
 protected:
  MgmtProcessTest() {
    std::string pattern = testing::TempDir() + "cardea-proc-XXXXXX";
    proc_ = ::mkdtemp(pattern.data());
    add("1", "systemd", "S (sleeping)", "1");
    add("self", "cardea-mgmt", "R (running)", "7");
  }
  ~MgmtProcessTest() override { std::filesystem::remove_all(proc_); }

  void add(const std::string& pid, const char* name, const char* state, const std::string& pids) {
    std::filesystem::create_directories(proc_ + "/" + pid);
    std::ofstream(proc_ + "/" + pid + "/status")
        << "Name:\t" << name << "\nUmask:\t0022\nState:\t" << state << "\nNSpid:\t" << pids << "\n";
  }

  std::string proc_;
};

TEST_F(MgmtProcessTest, OneThatRunsHereIsFound) {
  EXPECT_FALSE(find_mgmt(proc_).has_value());
  add("812", "cardea-mgmt", "S (sleeping)", "812");
  EXPECT_EQ(find_mgmt(proc_)->pid, 812);
  EXPECT_FALSE(find_mgmt(proc_)->elsewhere);
}

TEST_F(MgmtProcessTest, OneThatHasDiedIsNone) {
  add("812", "cardea-mgmt", "Z (zombie)", "812");
  EXPECT_FALSE(find_mgmt(proc_).has_value());
}

TEST_F(MgmtProcessTest, OneInAContainerIsToldApartAndGivesWayToOneHere) {
  for (const char* container : {"700", "900"})
    add(container, "cardea-mgmt", "S (sleeping)", container + std::string("\t1"));
  EXPECT_TRUE(find_mgmt(proc_)->elsewhere);
  add("812", "cardea-mgmt", "S (sleeping)", "812");
  EXPECT_EQ(find_mgmt(proc_)->pid, 812);
  EXPECT_FALSE(find_mgmt(proc_)->elsewhere);
}

TEST_F(MgmtProcessTest, AListThatCannotBeReadHasNone) {
  EXPECT_FALSE(find_mgmt(proc_ + "/none").has_value());
}

}  // namespace
}  // namespace cardea::mgmt::cli
