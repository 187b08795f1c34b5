#include "mgmt/cli/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/base/scratch_folder.h"

namespace cardea::mgmt::cli {
namespace {

using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

struct Outcome {
  int exit;
  std::string out, err;
};

Outcome cardea(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "cardea");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  CaptureStdout();
  CaptureStderr();
  const int exit = run(int(argv.size()), argv.data());
  std::fflush(stdout);
  std::string out = GetCapturedStdout();
  return {exit, std::move(out), GetCapturedStderr()};
}

std::string written(const ScratchFolder& folder, const char* name, const std::string& text) {
  const std::string path = folder.file(name);
  std::ofstream(path) << text;
  return path;
}

TEST(Commands, MistakesOnTheCommandLineExitWithTwo) {
  EXPECT_EQ(cardea({}).exit, 2);
  const Outcome unknown = cardea({"frobnicate"});
  EXPECT_EQ(unknown.exit, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there is no command \"cardea frobnicate\""));
  const Outcome nothing = cardea({"show"});
  EXPECT_EQ(nothing.exit, 2);
  EXPECT_THAT(nothing.err, HasSubstr("error: a command is missing after cardea show"));
  const Outcome singular = cardea({"show", "backend"});
  EXPECT_EQ(singular.exit, 2);
  EXPECT_THAT(singular.err, HasSubstr("there is no command \"cardea show backend\"\n  did you mean backends?"));
  const Outcome limit = cardea({"show", "flows", "--limit", "0", "--json"});
  EXPECT_EQ(limit.exit, 2);
  EXPECT_THAT(nlohmann::json::parse(limit.out).at("error").get<std::string>(), HasSubstr("not in range 1 to"));
  for (const char* what : {"flows", "connections"}) {
    const Outcome more = cardea({"show", what, "--limit", "2001", "--json"});
    EXPECT_EQ(more.exit, 2);
    EXPECT_THAT(nlohmann::json::parse(more.out).at("error").get<std::string>(), HasSubstr("not in range 1 to 2000"));
    const Outcome most = cardea({"show", what, "--limit", "2000", "--json"});
    EXPECT_THAT(most.out, testing::Not(HasSubstr("not in range"))) << "asked of whoever answers, which is nobody here";
  }
  EXPECT_EQ(cardea({"set", "backend", "web/10.0.0.1:80", "asleep"}).exit, 2);
  const Outcome weight = cardea({"set", "weight", "web/10.0.0.1:80", "-3"});
  EXPECT_EQ(weight.exit, 2);
  EXPECT_EQ(cardea({"set", "weight", "web/10.0.0.1:80", "65536"}).exit, 2);
  const Outcome url = cardea({"purge", "shop.example/x"});
  EXPECT_EQ(url.exit, 2);
  EXPECT_THAT(url.err, HasSubstr("\"shop.example/x\" is not a whole URL"));
  const Outcome backend = cardea({"set", "backend", "10.0.0.1:80", "drain"});
  EXPECT_EQ(backend.exit, 2);
  EXPECT_THAT(backend.err, HasSubstr("POOL/ADDRESS"));
  EXPECT_EQ(cardea({"explain", "nowhere", "192.0.2.1:80"}).exit, 2);
}

TEST(Commands, AnApiThatCannotBeReachedExitsWithTwoAndNamesTheSocket) {
  const Outcome plain = cardea({"--api", "/nonexistent/api.sock", "status"});
  EXPECT_EQ(plain.exit, 2);
  EXPECT_THAT(plain.err, HasSubstr("/nonexistent/api.sock does not exist"));
  EXPECT_EQ(plain.out, "");
  const Outcome json = cardea({"show", "backends", "--json", "--api", "/nonexistent/api.sock"});
  EXPECT_EQ(json.exit, 2);
  EXPECT_THAT(nlohmann::json::parse(json.out).at("error").get<std::string>(), HasSubstr("/nonexistent/api.sock"));
}

TEST(Commands, CheckTellsUnreadableFromWrong) {
  EXPECT_EQ(cardea({"check", "/nonexistent/cardea.cfg"}).exit, 2);
  const Outcome folder = cardea({"check", "/"});
  EXPECT_EQ(folder.exit, 2);
  EXPECT_THAT(folder.err, HasSubstr("cannot read /: it is a directory"));
  const ScratchFolder scratch;
  const std::string wrong = written(scratch, "wrong.cfg", "pools = ( { nmae = \"web\"; } );\nservices = ( );\n");
  const Outcome text = cardea({"check", wrong});
  EXPECT_EQ(text.exit, 1);
  EXPECT_THAT(text.out, HasSubstr(wrong + ":1"));
  EXPECT_THAT(text.out, HasSubstr("nmae"));
  const Outcome json = cardea({"check", "--json", wrong});
  EXPECT_EQ(json.exit, 1);
  EXPECT_GE(nlohmann::json::parse(json.out).at("errors").get<int>(), 1);
}

TEST(Commands, CheckEndsWithThreeForWarningsWhereTheyCount) {
  const ScratchFolder scratch;
  const std::string file = written(scratch, "warned.cfg", R"(
cluster: { name = "guessable"; };
l7: { shards = [0]; };
pools = ( { name = "web"; backends = ( { address = "10.0.0.1:80"; } ); } );
services = ( { name = "shop"; mode = "http"; listen = ["0.0.0.0:80/tcp"]; pool = "web"; } );
)");
  EXPECT_EQ(cardea({"check", file}).exit, 0);
  const Outcome strict = cardea({"check", "--strict", file});
  EXPECT_EQ(strict.exit, 3);
  EXPECT_THAT(strict.out, HasSubstr("has warnings (1 service, 1 pool, 1 backend)"));
}

// What only this host can tell is said beside its own line, among what the file alone tells.
TEST(Commands, CheckSpeaksInTheOrderOfTheLines) {
  const ScratchFolder scratch;
  const std::string file = written(scratch, "host.cfg", R"(
l7:
{
  access_log = "stderr";
  shards = [0, 1000];
};
cluster: { name = "guessable"; };
pools = ( { name = "web"; backends = ( { address = "10.0.0.1:80"; } ); } );
services = ( { name = "shop"; mode = "http"; listen = ["0.0.0.0:80/tcp"]; pool = "web"; } );
mgmt: { api_group = "no-such-group-here"; };
)");
  const Outcome here = cardea({"check", file});
  EXPECT_EQ(here.exit, 1);
  const size_t cpu = here.out.find(file + ":5: error: l7.shards: this host has no CPU 1000");
  const size_t seed = here.out.find(file + ":7: warning: cluster.seed");
  const size_t group = here.out.find(file + ":10: warning: mgmt.api_group");
  EXPECT_TRUE(cpu < seed && seed < group && group != std::string::npos) << here.out;
  EXPECT_THAT(here.out, HasSubstr("    5 | shards = [0, 1000];"));
  EXPECT_THAT(here.out, HasSubstr("for another host than this one: cardea check --elsewhere " + file));
  EXPECT_EQ(cardea({"check", "--elsewhere", file}).exit, 0);
}

TEST(Commands, DoctorHasNothingToMendWithoutADataplane) {
  const Outcome none = cardea({"doctor", "--config", "/nonexistent/cardea.cfg"});
  EXPECT_EQ(none.exit, 2);
  EXPECT_THAT(none.err, HasSubstr("cannot read /nonexistent/cardea.cfg: No such file or directory"));
  const char* const l7_only = CARDEA_SOURCE_DIR "/conf/examples/l7-only.cfg";
  const Outcome doctor = cardea({"doctor", "--config", l7_only});
  EXPECT_EQ(doctor.exit, 0);
  EXPECT_THAT(doctor.out, HasSubstr("has no dataplane: a site of layer 7 alone needs no cards"));
  const Outcome json = cardea({"doctor", "--json", "--config", l7_only});
  EXPECT_TRUE(nlohmann::json::parse(json.out).at("findings").empty());
  EXPECT_EQ(cardea({"doctor", "--port", "wan", "--config", l7_only}).exit, 1);
}

// The copy of a host with one interface, and no huge pages.
TEST(Commands, DoctorEndsWithOneForErrorsAndTellsThemWhereTheyBelong) {
  const ScratchFolder scratch;
  const std::string file = written(scratch, "one.cfg", R"(
cluster: { name = "c"; seed = "0123456789abcdef"; };
dataplane: { workers = [0]; ports = ( { name = "wan"; device = "net_af_packet,iface=eth1"; addresses = ["192.0.2.2/24"]; } ); };
)");
  const std::string root = scratch.file("root"), interface = root + "/sys/class/net/eth1";
  std::filesystem::create_directories(interface + "/queues/rx-0");
  for (const auto& [name, text] : {std::pair("/mtu", "1500"), {"/flags", "0x1003"}, {"/carrier", "1"}})
    std::ofstream(interface + name) << text << "\n";
  const auto doctor = [&] { return cardea({"doctor", "--config", file, "--root", root}); };
  const Outcome warned = doctor();
  EXPECT_EQ(warned.exit, 0);
  EXPECT_THAT(warned.out, HasSubstr("1 receive queue\n  nothing to mend\nhost\n  warning: there are no huge pages"));
  std::ofstream(interface + "/mtu") << "1400\n";
  const Outcome wrong = doctor();
  EXPECT_EQ(wrong.exit, 1);
  EXPECT_THAT(wrong.out, HasSubstr("error: eth1 has an MTU of 1400, the port one of 1500"));
}

TEST(Commands, CheckAcceptsEveryExampleThatIsShipped) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(CARDEA_SOURCE_DIR "/conf/examples")) {
    if (entry.path().extension() != ".cfg") continue;
    ++files;
    const Outcome outcome = cardea({"check", "--elsewhere", entry.path()});
    EXPECT_EQ(outcome.exit, 0) << outcome.out;
    EXPECT_THAT(outcome.out, HasSubstr("valid ("));
  }
  EXPECT_GT(files, 0u);
}

TEST(Commands, HelpKnowsEveryCommandAndTheSettings) {
  for (const Command& command : commands()) {
    const Outcome help = cardea({"help", command.name});
    EXPECT_EQ(help.exit, 0);
    EXPECT_THAT(help.out, HasSubstr(command.summary));
  }
  EXPECT_EQ(cardea({"help", "frobnicate"}).exit, 2);
  const Outcome deep = cardea({"help", "show", "backends"});
  EXPECT_EQ(deep.exit, 0);
  EXPECT_EQ(deep.out, cardea({"show", "backends", "--help"}).out);
  EXPECT_THAT(deep.out, HasSubstr("only those in this state"));
  const Outcome slip = cardea({"help", "show", "backend"});
  EXPECT_EQ(slip.exit, 2);
  EXPECT_THAT(slip.err, HasSubstr("there is no command \"cardea show backend\"\n  did you mean backends?"));
  EXPECT_EQ(cardea({"help", "status", "now"}).exit, 2);
  EXPECT_EQ(cardea({"help"}).out, cardea({"--help"}).out);
  EXPECT_EQ(cardea({"--version"}).out, "cardea " CARDEA_VERSION "\n");
  const Outcome setting = cardea({"help", "config", "pools.health.interval"});
  EXPECT_EQ(setting.exit, 0);
  EXPECT_THAT(setting.out, HasSubstr("interval"));
  EXPECT_EQ(cardea({"help", "config", "pools.helth"}).exit, 1);
}

TEST(Commands, TheManPageHasEveryCommandWithItsOptions) {
  const Outcome page = cardea({"help", "man"});
  EXPECT_EQ(page.exit, 0);
  for (const Command& command : commands()) EXPECT_THAT(page.out, HasSubstr(std::string("## cardea ") + command.name));
  for (const char* part :
       {"## cardea show backends [OPTIONS]", "**--state** *up|down|drain|maint*\n: only those in this state",
        "## cardea set weight POOL/ADDRESS N|config", "**--api** *SOCKET*\n: ", "# FILES", "# EXAMPLES", "# SEE ALSO",
        "# EXIT STATUS", "# ENVIRONMENT"})
    EXPECT_THAT(page.out, HasSubstr(part));
}

TEST(Commands, CompletionKnowsCommandsChoicesAndSettings) {
  const Outcome script = cardea({"completion", "bash"});
  EXPECT_EQ(script.exit, 0);
  for (const Command& command : commands()) EXPECT_THAT(script.out, HasSubstr(command.name));
  EXPECT_THAT(script.out, HasSubstr(" ready drain maint\""));
  const ScratchFolder scratch;
  const std::string file = written(scratch, "cardea-completion", script.out);
  const std::string ask =
      "bash -c 'source " + file + "; COMP_WORDS=(cardea set backend x \"\"); COMP_CWORD=4; _cardea; " +
      "echo ${COMPREPLY[@]}; COMP_WORDS=(cardea help config pools.health.inter); COMP_CWORD=3; _cardea; " +
      "echo ${COMPREPLY[@]}' 2>&1";
  FILE* const bash = ::popen(ask.c_str(), "r");
  ASSERT_NE(bash, nullptr);
  std::string said;
  for (int c; (c = std::fgetc(bash)) != EOF;) said += char(c);
  ::pclose(bash);
  EXPECT_EQ(said, "--help ready drain maint\npools.health.interval\n");
}

}  // namespace
}  // namespace cardea::mgmt::cli
