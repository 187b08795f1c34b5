// A document in many files: lists that are written several times are one, and patterns include what is called so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "conf/read.h"
#include "tests/unit/base/scratch_folder.h"
#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string site(const std::string& name, int port) {
  const std::string number = std::to_string(port);
  return "pools = ( { name = \"" + name + "\"; backends = ( { address = \"127.0.0.1:" + number + "\"; } ); } );\n" +
         "services = ( { name = \"" + name + "\"; mode = \"http\"; listen = \"0.0.0.0:" + number + "/tcp\"; pool = \"" + name +
         "\"; } );\n";
}

const std::string kHead =
    "cluster: { name = \"edge-1\"; seed = \"0123456789abcdef0123456789abcdef\"; };\nl7: { shards = [0]; };\n";

std::vector<std::string> services(const ReadResult& read) {
  std::vector<std::string> names;
  if (read.config)
    for (const Service& service : read.config->services) names.push_back(service.name);
  return names;
}

TEST(RepeatedLists, AreOne) {
  const ReadResult read = read_text(kHead + site("a", 8001) + site("b", 8002) + site("c", 8003), "t.cfg");
  EXPECT_THAT(services(read), ElementsAre("a", "b", "c")) << findings_text(read.findings, read.source);
}

TEST(RepeatedLists, MistakesAreFoundWhereTheyStand) {
  const std::string text = kHead + site("a", 8001) + site("b", 8002);
  EXPECT_THAT(said_about(with(text, "pool = \"b\"", "pool = \"bb\"")), HasSubstr("t.cfg:6: error: services[1].pool"));
  EXPECT_THAT(said_about(text + site("a", 8003)), HasSubstr("is already used in t.cfg:"));
}

TEST(RepeatedLists, GroupsAreNot) {
  EXPECT_THAT(said_about(kHead + site("a", 8001) + "l7: { shards = [1]; };\n"), HasSubstr("is set twice in the same group"));
  EXPECT_THAT(said_about(with(kHead + site("a", 8001), "pool = \"a\";", "pool = \"a\"; routes = ( ); routes = ( );")),
              HasSubstr("is set twice in the same group"));
}

struct Folder : testing::Test {
  Folder() {
    std::filesystem::create_directory(folder.file("conf.d"));
    write("conf.d/20-b.cfg", site("b", 8002));
    write("conf.d/10-a.cfg", site("a", 8001));
    write("conf.d/30-c.cfg.off", "nonsense");
    write("cardea.cfg", kHead + "@include \"conf.d/*.cfg\"\n" + site("last", 8009));
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(folder.file(name)) << text; }
  ScratchFolder folder;
};

TEST_F(Folder, APatternIncludesWhatIsCalledSoInItsOrder) {
  const ReadResult read = read_file(folder.file("cardea.cfg"));
  EXPECT_THAT(services(read), ElementsAre("a", "b", "last")) << findings_text(read.findings, read.source);
  EXPECT_THAT(read.source.files, ElementsAre(folder.file("cardea.cfg"), folder.file("conf.d/10-a.cfg"), folder.file("conf.d/20-b.cfg")));
}

TEST_F(Folder, NothingCalledSoIsAHint) {
  write("cardea.cfg", kHead + "@include \"sites/*.cfg\"\n" + site("last", 8009));
  const ReadResult read = read_file(folder.file("cardea.cfg"));
  EXPECT_THAT(services(read), ElementsAre("last"));
  EXPECT_THAT(findings_text(read.findings, read.source), HasSubstr("no file is called"));
}

}  // namespace
}  // namespace cardea::conf
