#include "mgmt/policy_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "mgmt/files_for_l7.h"
#include "mgmt/l7_rights.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using conf::Finding;
using ::testing::HasSubstr;

struct PolicyFiles : ::testing::Test {
  PolicyFiles() {
    config.dataplane.reset();
    service().mode = conf::Mode::kHttp;
    service().place = {"site.cfg", 12, "services[0]"};
    service().routes.resize(2);
    for (size_t i = 0; i < 2; ++i) route(i).place = {"site.cfg", unsigned(20 + i), fmt::format("services[0].routes[{}]", i)};
  }
  conf::Service& service() { return config.services[0]; }
  conf::Route& route(size_t i) { return service().routes[i]; }

  static void name_users(settings::PoliciesT& of, const std::string& file) {
    of.basic_auth = std::make_unique<settings::BasicAuthT>();
    of.basic_auth->users = file;
  }
  static void name_networks(settings::PoliciesT& of, std::vector<std::string> allow, std::vector<std::string> deny = {}) {
    of.access = std::make_unique<settings::AccessT>();
    of.access->allow_files = std::move(allow), of.access->deny_files = std::move(deny);
  }
  std::string write(const char* name, const char* text, mode_t mode = 0644) const {
    std::ofstream(folder.file(name)) << text;
    ::chmod(folder.file(name).c_str(), mode);
    return folder.file(name);
  }

  ScratchFolder folder;
  conf::Config config = test::config();
};

TEST_F(PolicyFiles, AFileIsLookedAtOnceHoweverOftenItIsNamed) {
  const std::string bad = write("bad", "nonsense\n");
  name_networks(service().policies, {}, {bad});
  name_networks(route(0).policies, {bad, bad});
  name_users(route(1).policies, bad);
  const auto findings = look_at_policy_files(config, Look::kInside);
  ASSERT_EQ(findings.size(), 2u) << "as networks, and as users";
  EXPECT_EQ(findings[0].place.path, "services[0].access.deny_files[0]");
  EXPECT_EQ(findings[0].place.line, 12u);
  EXPECT_THAT(findings[0].message, HasSubstr(bad + ": line 1"));
  EXPECT_EQ(findings[1].place.path, "services[0].routes[1].basic_auth.users");
  EXPECT_EQ(findings[1].level, Finding::error);
}

TEST_F(PolicyFiles, DatabasesOfPlacesAreRead) {
  config.l7 = conf::L7();
  config.l7->geo = conf::Geo{.place = {"site.cfg", 3, "l7.geo"}, .countries = write("text", "DE"), .as_numbers = folder.file("none")};
  const auto findings = look_at_policy_files(config, Look::kInside);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].place.path, "l7.geo.countries");
  EXPECT_THAT(findings[0].message, HasSubstr("is no database in MaxMind's format"));
  EXPECT_EQ(findings[1].place.path, "l7.geo.as_numbers");
  ASSERT_EQ(look_at_policy_files(config, Look::kWhetherThere).size(), 1u);
}

TEST_F(PolicyFiles, AReloadLooksWhetherTheyAreThereAndReadsNone) {
  name_networks(service().policies, {write("bad", "nonsense\n"), folder.file("none")});
  route(0).files = conf::Files{.place = {"site.cfg", 20, "services[0].routes[0].files"}, .root = folder.file("no-folder")};
  const auto findings = look_at_policy_files(config, Look::kWhetherThere);
  ASSERT_EQ(findings.size(), 1u) << "cardea-l7 starts without the folder";
  EXPECT_EQ(findings[0].place.path, "services[0].access.allow_files[1]");
  EXPECT_EQ(findings[0].message, "read " + folder.file("none") + ": No such file or directory");
  EXPECT_EQ(look_at_policy_files(config, Look::kInside).size(), 3u);
}

TEST_F(PolicyFiles, WhatIsOffOrOfLayerFourIsNotRead) {
  route(0).policies.jwt = std::make_unique<settings::JwtT>();
  route(0).policies.jwt->jwks = folder.file("none");
  route(1).policies.api_keys = std::make_unique<settings::ApiKeysT>();
  route(1).policies.api_keys->file = folder.file("none");
  EXPECT_EQ(look_at_policy_files(config, Look::kInside).size(), 2u);
  route(0).policies.jwt->enabled = route(1).policies.api_keys->enabled = false;
  EXPECT_TRUE(look_at_policy_files(config, Look::kInside).empty());
  route(0).policies.jwt->enabled = true;
  service().mode = conf::Mode::kL4;
  EXPECT_TRUE(look_at_policy_files(config, Look::kInside).empty());
}

TEST_F(PolicyFiles, AnAlgorithmWithoutAKeyIsSaidOnlyOfKeysThatWereRead) {
  auto& jwt = route(0).policies.jwt = std::make_unique<settings::JwtT>();
  jwt->secret = write("secret", "a secret of more than thirty-two bytes", 0600);
  jwt->algorithms = {"HS256", "ES256"};
  auto findings = look_at_policy_files(config, Look::kInside);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].place.path, "services[0].routes[0].jwt.algorithms");
  EXPECT_EQ(findings[0].message, "there is no key for ES256");
  jwt->public_keys = {folder.file("none")};
  findings = look_at_policy_files(config, Look::kInside);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].place.path, "services[0].routes[0].jwt.public_keys[0]");
}

TEST_F(PolicyFiles, EveryFileOfTlsIsAmongThem) {
  config.l7.emplace().ticket_keys = "/t";
  service().tls.emplace().certificates = {{{}, "/c", "/k"}};
  service().tls->client_auth.emplace().authorities = "/a";
  service().tls->client_auth->revocations = "/r";
  config.pools[0].tls.emplace().authorities = "/b";
  config.pools[0].tls->certificate.emplace(conf::Certificate{{}, "/c", "/l"});
  std::vector<std::string> names;
  for (const FileForL7& file : files_for_l7(config)) names.push_back(file.name);
  EXPECT_THAT(names, ::testing::ElementsAre("/c", "/k", "/a", "/r", "/b", "/l", "/t"));
}

// As root alone can tell.
TEST_F(PolicyFiles, WhatTheUserOfL7MayNotReadIsAWarning) {
  if (::geteuid() != 0) GTEST_SKIP() << "asks what another user may read";
  ASSERT_EQ(::chmod(folder.file("").c_str(), 0711), 0);
  name_networks(service().policies, {write("open", "", 0644), write("closed", "", 0600), folder.file("none")});
  const auto findings = look_at_rights(config, "nobody");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, Finding::warning);
  EXPECT_EQ(findings[0].place.path, "services[0].access.allow_files[1]");
  EXPECT_THAT(findings[0].message, HasSubstr("closed\": the user nobody may not read it"));
  EXPECT_EQ(::geteuid(), 0u);
  EXPECT_EQ(::access(folder.file("closed").c_str(), R_OK), 0) << "only its thread was nobody";
  ASSERT_EQ(::chmod(folder.file("").c_str(), 0700), 0);
  EXPECT_EQ(look_at_rights(config, "nobody").size(), 3u) << "what is behind a folder that is not for it";
  EXPECT_TRUE(look_at_rights(config, "no-such-user-here").empty());
}

// As nobody, where the test is root, who may read everything.
TEST_F(PolicyFiles, WhatThisUserMayNotReadIsAHint) {
  name_networks(service().policies, {write("closed", "nonsense", 0)});
  ASSERT_EQ(::chmod(folder.file("").c_str(), 0711), 0);
  conf::Findings findings, whether_there;
  std::thread([&] {
    constexpr uid_t kNobody = 65534;
    // This thread's alone, as the kernel's call has it.
    if (::geteuid() == 0 && ::syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) return;
    findings = look_at_policy_files(config, Look::kInside);
    whether_there = look_at_policy_files(config, Look::kWhetherThere);
  }).join();
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].level, Finding::hint);
  EXPECT_THAT(findings[0].message, HasSubstr("is not for this user to read"));
  EXPECT_TRUE(whether_there.empty());
}

}  // namespace
}  // namespace cardea::mgmt
