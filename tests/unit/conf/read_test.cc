#include "conf/read.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/conf/documents.h"

namespace cardea::conf {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST(Read, GoodDocumentFillsTheConfig) {
  const ReadResult read = read_text(kGood, "t.cfg");
  ASSERT_TRUE(read.config) << findings_text(read.findings, read.source);
  EXPECT_TRUE(read.findings.empty()) << findings_text(read.findings, read.source);
  const Config& config = *read.config;
  EXPECT_EQ(config.cluster.name, "edge-1");
  EXPECT_EQ(config.dataplane->workers, (std::vector<uint16_t>{2, 3}));
  EXPECT_EQ(config.dataplane->flows, 10'000'000u);
  EXPECT_EQ(config.dataplane->poll, Poll::kBusy);
  EXPECT_EQ(config.dataplane->ports[0].gateways, (std::vector{*IpAddress::parse("192.0.2.1")}));
  ASSERT_EQ(config.pools.size(), 1u);
  EXPECT_EQ(config.pools[0].backends[0].weight, 3u);
  EXPECT_EQ(config.pools[0].backends[1].weight, 1u);
  EXPECT_EQ(config.pools[0].backends[1].place.path, "pools[0].backends[1]");
  EXPECT_EQ(config.pools[0].health.expect, (std::vector<uint16_t>{200, 204}));
  EXPECT_EQ(config.pools[0].health.interval, 500ms);
  EXPECT_EQ(config.pools[0].health.port, 81);
  EXPECT_EQ(config.services[0].listen[0].protocol, Protocol::kTcp);
  EXPECT_EQ(config.services[0].place.line, 12u);
  EXPECT_EQ(config.mgmt.metrics.text(), "127.0.0.1:9477");
}

TEST(Read, EveryMistakeIsReportedWithItsLine) {
  std::string text = with(kGood, "weight = 3", "wieght = 3");
  text = with(text, "poll = \"busy\"", "poll = \"bussy\"");
  text = with(text, "\"500ms\"", "2");
  text = with(text, "pool = \"web\"", "pool = \"wbe\"");
  text = with(text, "name = \"wan\"; ", "");
  const ReadResult read = read_text(text, "t.cfg");
  EXPECT_FALSE(read.config);
  const std::string said = said_about(text);
  EXPECT_EQ(count(read.findings, Finding::error), 5u) << said;
  EXPECT_THAT(said, HasSubstr("t.cfg:4: error: dataplane.poll: unknown word \"bussy\"; expected one of \"adaptive\", "
                              "\"busy\"; did you mean \"busy\"?"));
  EXPECT_THAT(said, HasSubstr("t.cfg:5: error: dataplane.ports[0]: \"name\" is missing"));
  EXPECT_THAT(said, HasSubstr("t.cfg:9: error: pools[0].backends[0].wieght: unknown setting; did you mean weight?"));
  EXPECT_THAT(said,
              HasSubstr("t.cfg:10: error: pools[0].health.interval: the number 2 has no unit; expected a duration "
                        "from 50ms to 1h, such as \"2s\" or \"500ms\"; did you mean \"2s\"?"));
  EXPECT_THAT(said, HasSubstr("t.cfg:12: error: services[0].pool: there is no pool \"wbe\""));
}

struct Slip {
  const char *from, *to, *said;
};

TEST(Read, EachSlipIsExplained) {
  const Slip slips[] = {
      {"\"192.0.2.2/24\"", "\"192.0.2.2\"", "dataplane.ports[0].addresses[0]: \"192.0.2.2\" has no prefix length"},
      {"\"192.0.2.1\"", "\"192.0.2.1/24\"", "gateway: \"192.0.2.1/24\" has a prefix length"},
      {"10.0.0.12:8080", "10.0.0.12", "\"10.0.0.12\" has no port"},
      {"10.0.0.12:8080", "10.0.0.12", "did you mean \"10.0.0.12:80\"?"},
      {"203.0.113.10:80/tcp", "203.0.113.10", "did you mean \"203.0.113.10:80/tcp\"?"},
      {"203.0.113.10:80/tcp", "2001:db8::1:80", "did you mean \"[2001:db8::1]:80/tcp\"?"},
      {"203.0.113.10:80/tcp", "2001:db8::1:53/udp", "did you mean \"[2001:db8::1]:53/udp\"?"},
      {"203.0.113.10:80/tcp", "*:80", "\"*:80\" names no address: 0.0.0.0 stands for all IPv4 addresses of the host"},
      {"203.0.113.10:80/tcp", "*:80", "did you mean \"0.0.0.0:80/tcp\"?"},
      {"203.0.113.10:80/tcp", ":53/udp", "did you mean \"0.0.0.0:53/udp\"?"},
      {"203.0.113.10:80/tcp", "80", "did you mean \"0.0.0.0:80/tcp\"?"},
      {"name = \"web\";", "name = \"web\"; timeout = \"2s\";",
       "pools[0].timeout: unknown setting; expected one of connect_timeout, response_timeout, idle_timeout"},
      {"weight = 3", "max_connections = 3", "unknown setting; did you mean connections_max?"},
      {"weight = 3", "connections-max = 3", "did you mean connections_max?"},
      {"name = \"web\";", "name = \"web\"; max_connections = 3;",
       "pools[0].max_connections: unknown setting here; connections_max belongs to pools[].backends[] or services[]"},
      {"weight = 3", "weight = \"99999999999999999999999k\"", "is too large; expected a whole number from 0 to 65535, such as 5000 or \"5k\"\n"},
      {"\"500ms\"", "\"99999999999999999999999s\"", "is too large; expected a duration from 50ms to 1h, such as \"2s\" or \"500ms\"\n"},
      {"10.0.0.12:8080", "[fd00::11]", "\"[fd00::11]\" has no port"},
      {"10.0.0.12:8080", "[fd00::11]", "did you mean \"[fd00::11]:80\"?"},
      {"203.0.113.10:80/tcp", "[2001:db8::1]", "did you mean \"[2001:db8::1]:80/tcp\"?"},
      {"10.0.0.12:8080", "*:8080", "\"*:8080\" names no address"},
      {"services = (", "mgmt: { metrics = \":9477\"; }; services = (", "mgmt.metrics: \":9477\" names no address"},
      {"weight = 3", "weight = \"100K\"", "\"100K\" has the unknown unit \"K\" (known: G, M, k)"},
      {"weight = 3", "weight = \"100K\"", "did you mean \"100k\"?"},
      {"weight = 3", "weight = \"100k\"", "\"100k\" is too large; expected a whole number from 0 to 65535"},
      {"\"500ms\"", "\"5 sec\"", "did you mean \"5s\"?"},
      {"\"500ms\"", "\"1D\"", "unknown unit \"D\" (known: h, m, s, ms); expected a duration"},
      {"10.0.0.12:8080", "web1.example:80", "holds a host name"},
      {"10.0.0.12:8080", "2001:db8::1:80", "did you mean \"[2001:db8::1]:80\"?"},
      {"203.0.113.10:80/tcp", "203.0.113.10:80", "has no protocol"},
      {"203.0.113.10:80/tcp", "203.0.113.10:80/tpc", "did you mean \"203.0.113.10:80/tcp\"?"},
      {"[2, 3]", "[2, 70000]", "dataplane.workers[1]: 70000 is too large; expected a whole number from 0 to 1023"},
      {"[2, 3]", "[2, 4294967299]", "dataplane.workers[1]: 4294967299 is too large; expected a whole number from 0"},
      {"weight = 3", "weight = 4294967297", "pools[0].backends[0].weight: 4294967297 is too large"},
      {"weight = 3", "weight = 0x100000001", "weight: 4294967297 is too large"},
      {"weight = 3", "weight = 0x80000001", "weight: 2147483649 is too large"},
      {"weight = 3", "weight = 2147483648", "weight: 2147483648 is too large"},
      {"[2, 3]", "[4294967299, 2]", "dataplane.workers[0]: 4294967299 is too large"},
      {"services = (", "mgmt: { api = \"run/api.sock\"; }; services = (",
       "mgmt.api: found the text \"run/api.sock\"; expected an absolute path"},
      {"weight = 3", "weight = 2147483648LL", "weight: 2147483648 is too large"},
      {"weight = 3", "weight = -99999999999999999999", "weight: -99999999999999999999 is too small"},
      {"weight = 3", "weight = 99999999999999999999L", "weight: 99999999999999999999 is too large"},
      {"10.0.0.12:8080", "10.0.0.12:0", "\"10.0.0.12:0\": ports are from 1 to 65535"},
      {"10.0.0.12:8080", "[2001:db8::1]:65536", "ports are from 1 to 65535"},
      {"10.0.0.12:8080", "[fe80::1%eth0]:80", "a zone such as %eth0 cannot be part of an address here"},
      {"10.0.0.12:8080", "010.0.0.12:80", "zeros before a number are ambiguous"},
      {"\"192.0.2.2/24\"", "\"192.0.2.2/33\"", "\"192.0.2.2/33\": the length of an IPv4 prefix is from 0 to 32"},
      {"[2, 3]", "[]", "expected at least one number"},
      {"\"10M\"", "\"10X\"", "unknown unit \"X\""},
      {"\"10M\"", "12", "dataplane.flows: 12 is too small"},
      {"port = 81", "port = \"81\"", "the number is written as text"},
      {"port = 81", "prot = 81", "did you mean port?"},
      {"port = 81", "verify = 1", "did you mean true?"},
      {"port = 81", "verify = no", "expected true or false, or a text in double quotes; did you mean false?"},
      {"port = 81", "verify = On", "did you mean true?"},
      {"port = 81", "verify = \"false\"", "expected true or false; did you mean false?"},
      {"port = 81", "verify = \"Yes\"", "did you mean true?"},
      {"\"500ms\"", "\"1m 30s\"", "\"1m 30s\" has \" \" where a number should be"},
      {"\"500ms\"", "\"1m 30s\"", "did you mean \"1m30s\"?"},
      {"[2, 3]", "[\"2-5\"]", "did you mean [2, 3, 4, 5]?"},
      {"[2, 3]", "\"2-3\"", "did you mean [2, 3]?"},
      {"port = 81", "weight = 1", "unknown setting here; it belongs to pools[].backends[]"},
      {"services = (", "servces = (", "did you mean services?"},
      {"name = \"web\"", "name = \"my web\"", "holds \" \""},
      {"{ address = \"10.0.0.12:8080\"; }", "\"10.0.0.12:8080\"", "expected a group { … } for each backend"},
      {"cluster: {", "cluster = 5; clustr: {", "cluster: found the number 5; expected a group: cluster: { … };"},
  };
  for (const Slip& slip : slips) {
    const std::string text = with(kGood, slip.from, slip.to);
    EXPECT_FALSE(read_text(text, "t.cfg").config) << slip.to;
    EXPECT_THAT(said_about(text), HasSubstr(slip.said));
  }
}

TEST(Read, SyntaxErrorsNameTheirUsualCauses) {
  const Slip slips[] = {
      {"poll = \"busy\"", "poll = busy", "t.cfg:4: error: syntax error: busy stands without quotes"},
      {"poll = \"busy\"", "/* once adaptive */ poll = busy", "busy stands without quotes"},
      {"\"10.0.0.12:8080\"", "10.0.0.12:8080", "10.0.0.12:8080 stands without quotes"},
      {"\"500ms\"", "500ms", "500ms stands without quotes"},
      {"\"500ms\"", "‘500ms’", "‘500ms’ stands without quotes; expected \"500ms\""},
      {"\"500ms\"", "“500ms”", "“500ms” stands without quotes; expected \"500ms\""},
      {"\"edge-1\"", "'edge-1'", "'edge-1' stands in single quotes; expected \"edge-1\""},
      {"\"edge-1\"", "'my edge; 1'", "'my edge; 1' stands in single quotes; expected \"my edge; 1\""},
      {"\"edge-1\"", "it's", "it's stands without quotes; expected \"it's\""},
      {"}, { address", "} { address", "no comma between two groups of a list"},
      {"pools = (", "pools = [", "a list ( ) for groups"},
      {"\"busy\"", "\"busy", "t.cfg:4: error: syntax error: the text that begins here does not end on its line"},
      {"pool = \"web\"", "pool = \"web", "t.cfg:12: error: syntax error: the text that begins here never ends"},
      {"name = \"edge-1\";", "name = \"a\"; name = \"b\";", "name is set twice in the same group, first on line 2"},
      {"[2, 3]", "[2, \"3\"]", "the elements of an array are not all of one type"},
      {"[2, 3]", "[2, 3,]", "a comma before ']' promises another element"},
      {"} );\nservices", "};\nservices", "the '(' of line 7 is not closed"},
  };
  for (const Slip& slip : slips)
    EXPECT_THAT(said_about(with(kGood, slip.from, slip.to)), HasSubstr(slip.said)) << slip.to;
}

TEST(Read, ATextOverTwoLinesBehindTheMistakeIsNotItsCause) {
  const std::string text = with(with(kGood, "\"busy\"", "busy"), "\"shop\"", "\"sh\nop\"");
  EXPECT_THAT(said_about(text), HasSubstr("busy stands without quotes"));
}

// Both sides of the limits of each form: the last that is taken, and the first that is not.
TEST(Read, FormsTakeWhatJustKeepsTheirLimits) {
  struct Limit {
    const char* from;
    std::string taken, refused, words;
  };
  const auto name_of = [](size_t letters) { return fmt::format("name = \"{}\"", std::string(letters, 'a')); };
  const auto seed_of = [](size_t letters) { return fmt::format("seed = \"{}\"", std::string(letters, 'a')); };
  const auto caches = [](int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += fmt::format("{}{{ name = \"c{}\"; memory = \"8MB\"; }}", i ? ", " : "", i);
    return "caches = ( " + all + " ); services = (";
  };
  const Limit limits[] = {
      {"name = \"edge-1\"", name_of(64), name_of(65), "is 65 letters long"},
      {"seed = \"0123456789abcdef0123456789abcdef\"", seed_of(256), seed_of(257), "257 bytes of text are too many"},
      {"weight = 3", "weight = 65535", "weight = 65536", "65536 is too large"},
      {"weight = 3", "weight = 0", "weight = -1", "-1 is too small"},
      {"[2, 3]", "[2, 1023]", "[2, 1024]", "1024 is too large"},
      {"\"10M\"", "\"1G\"", "1000000001", "1000000001 is too large"},
      {"\"10M\"", "1024", "1023", "1023 is too small"},
      {"\"500ms\"", "\"1h\"", "\"3600001ms\"", "3600001ms is too long"},
      {"\"500ms\"; timeout = \"250ms\"", "\"50ms\"; timeout = \"50ms\"", "\"49ms\"; timeout = \"49ms\"",
       "49ms is too short"},
      {"name = \"web\"", "response_header_max = \"1KiB\"; name = \"web\"",
       "response_header_max = \"1023B\"; name = \"web\"", "1023B is too small"},
      {"name = \"web\"", "response_header_max = \"1MiB\"; name = \"web\"",
       "response_header_max = \"1048577B\"; name = \"web\"", "1048577B is too large"},
      {"services = (", caches(64), caches(65), "caches: 65 are too many; expected at most 64"},
      {"expect = [200, 204]", "expect = [100, 599]", "expect = [200, 600]", "600 is too large"},
  };
  for (const Limit& limit : limits) {
    EXPECT_TRUE(read_text(with(kGood, limit.from, limit.taken), "t.cfg").config)
        << limit.taken << "\n"
        << said_about(with(kGood, limit.from, limit.taken));
    EXPECT_FALSE(read_text(with(kGood, limit.from, limit.refused), "t.cfg").config) << limit.refused;
    EXPECT_THAT(said_about(with(kGood, limit.from, limit.refused)), HasSubstr(limit.words));
  }
}

TEST(Read, LinesOfOtherSystemsEndAsOurs) {
  const std::string wrong = with(kGood, "weight = 3", "wieght = 3; # heavy");
  std::string of_windows;
  for (const char c : wrong) of_windows += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const ReadResult ours = read_text(wrong, "t.cfg"), theirs = read_text(of_windows, "t.cfg");
  EXPECT_EQ(findings_text(theirs.findings, theirs.source), findings_text(ours.findings, ours.source));
}

TEST(Read, ALineIsShownOnceHoweverManyMistakesItHas) {
  const ReadResult read = read_text(with(kGood, "weight = 3", "wieght = 3; wegiht = 4"), "t.cfg");
  const std::string text = findings_text(read.findings, read.source);
  EXPECT_EQ(read.findings.size(), 2u);
  EXPECT_EQ(text.find("| backends"), text.rfind("| backends")) << text;
  EXPECT_THAT(text, HasSubstr("| backends"));
}

// People bring the file they have: it is named once, instead of the parser's despair at each line.
TEST(Read, FilesOfOtherProductsAreNamed) {
  const std::pair<const char*, const char*> files[] = {
      {"nginx",
       "# my site\nworker_processes auto;\nevents { worker_connections 1024; }\nhttp {\n  server {\n    listen 80;\n"
       "    location / {\n      proxy_pass http://web;\n    }\n  }\n}\n"},
      {"HAProxy",
       "global\n    maxconn 4096\ndefaults\n    mode http\nfrontend web\n    bind *:80\n    default_backend web\n"
       "backend web\n    balance roundrobin\n    server a 10.0.0.1:80 check\n"},
      {"YAML", "pools:\n  - name: web\n    backends:\n      - address: 10.0.0.1:80\nservices:\n  - name: shop\n"},
      {"YAML", "cluster:\n  name: edge\n  seed: x\n"},
      {"JSON", "{\n  \"pools\": [ { \"name\": \"web\" } ]\n}\n"},
  };
  for (const auto& [product, text] : files) {
    const std::string said = said_about(text);
    EXPECT_THAT(said, HasSubstr("this is written in the language of " + std::string(product)));
    EXPECT_EQ(std::ranges::count(said, '\n'), 1) << said;
  }
  for (const char* ours :
       {"pools = (\n{ name = web; } );", "cluster:\n{\n  name = \"a\"\n  seed = \"b\";\n};\n", "mode"})
    EXPECT_THAT(said_about(ours), Not(HasSubstr("language of"))) << ours;
}

TEST(Read, CountsMayBeWrittenShortWhereverTheyStand) {
  const ReadResult read = read_text(with(kGood, "weight = 3", "weight = \"2k\""), "t.cfg");
  ASSERT_TRUE(read.config);
  EXPECT_EQ(read.config->pools[0].backends[0].weight, 2000u);
}

TEST(Read, ASizeInTheUnitsOfOtherProductsIsUnderstoodButNotTaken) {
  for (const auto& [written, meant] :
       {std::pair("10m", "10MB"), std::pair("10M", "10MB"), std::pair("64 kb", "64kB"), std::pair("1g", "1GB")}) {
    const std::string text = kGood + "caches = ( { name = \"c\"; memory = \"" + written + "\"; } );";
    EXPECT_THAT(said_about(text), HasSubstr(std::string("did you mean \"") + meant + "\"?")) << written;
  }
}

TEST(Read, MistakesBeforeASyntaxErrorAreStillReported) {
  const std::string said = said_about(with(with(kGood, "workers", "wrokers"), "pool = \"web\"", "pool = web"));
  EXPECT_THAT(said, HasSubstr("did you mean workers?"));
  EXPECT_THAT(said, HasSubstr("web stands without quotes"));
}

TEST(Read, NumbersAreWholeWhereverTheyStand) {
  for (const char* same : {"weight = 3L", "weight = 0x3", "/* 4294967297 */ weight = 3", "weight = 3 # 4294967297\n"}) {
    const ReadResult read = read_text(with(kGood, "weight = 3", same), "t.cfg");
    ASSERT_TRUE(read.config) << same << said_about(with(kGood, "weight = 3", same));
    EXPECT_EQ(read.config->pools[0].backends[0].weight, 3u);
  }
  const std::string named = with(kGood, "\"edge-1\"", "\"4294967297\"");
  EXPECT_EQ(read_text(named, "t.cfg").config->cluster.name, "4294967297");
}

TEST(Read, AByteOrderMarkIsNoMistakeAndUtf16IsNamed) {
  EXPECT_EQ(said_about("\xef\xbb\xbf" + kGood), "");
  const std::string wide("\xff\xfe\n\0c\0l\0\n\0u\0", 12);
  EXPECT_THAT(said_about(wide), HasSubstr("this is UTF-16 text; expected UTF-8"));
}

TEST(Read, OneWordAboutAllNulBytes) {
  const ReadResult read = read_text(std::string("a\0b\nc\0d\n\0\n\0", 11), "t.cfg");
  EXPECT_EQ(std::ranges::count_if(read.findings, [](const Finding& one) { return one.message.contains("NUL"); }), 1);
}

TEST(Read, BytesThatAreNoTextAreRefused) {
  EXPECT_FALSE(read_text(std::string("cluster: { name = \"a\0b\"; };", 27), "t.cfg").config);
  EXPECT_FALSE(read_text(std::string(20'000, '('), "t.cfg").config);
  EXPECT_FALSE(read_text("\xff\xfe\x00", "t.cfg").config);
}

TEST(Read, AThousandMistakesAreEnough) {
  std::string text = "pools = (\n";
  for (int i = 0; i < 3000; ++i)
    text += fmt::format("  {{ name = \"p{}\"; backends = ( {{ address = \"10.0.0.1:80\"; }} ); }},\n", i);
  text += "  { nmae = \"last\"; backends = ( { address = \"10.0.0.1:80\"; } ); } );\n";
  const ReadResult read = read_text(text, "t.cfg");
  EXPECT_EQ(read.findings.size(), 1001u);
  EXPECT_FALSE(read.config);
  EXPECT_EQ(count(read.findings, Finding::error), 1u) << "it is kept, however many hints there are";
  EXPECT_EQ(line_of(read.findings.back()), "t.cfg: hint: 2003 more are not listed");
}

// What is found first is not what counts most: the checks of services come behind those of pools.
TEST(Read, AnErrorIsKeptWhereverItStandsAmongThousandsOfHints) {
  std::string text = "cluster: { name = \"e\"; seed = \"0123456789abcdef\"; };\nl7: { shards = [0]; };\npools = (\n";
  for (int i = 0; i < 1500; ++i)
    text +=
        fmt::format("{}  {{ name = \"p{}\"; backends = ( {{ address = \"10.0.0.1:80\"; }} ); }}", i ? ",\n" : "", i);
  text += " );\nservices = ( { name = \"s\"; mode = \"tcp\"; listen = \"0.0.0.0:80/tcp\"; pool = \"nope\"; } );\n";
  const ReadResult read = read_text(text, "t.cfg");
  EXPECT_EQ(read.findings.size(), 1001u);
  EXPECT_EQ(count(read.findings, Finding::error), 1u);
}

class Includes_ : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_ / "sub"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string put(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("conf_include_" + std::to_string(getpid()));
};

TEST_F(Includes_, AreRelativeToTheIncludingFile) {
  put("sub/inner.cfg", "name = \"inner\";\n");
  put("sub/outer.cfg", "cluster: {\n@include \"inner.cfg\"\nnme = 1;\n};\n");
  const std::string path =
      put("main.cfg", "// @include \"nothing\"\n/*\n@include \"nothing\"\n*/\n@include \"sub/outer.cfg\"\nx = 1;\n");
  const ReadResult read = read_file(path);
  const std::string said = findings_text(read.findings, read.source);
  EXPECT_EQ(read.source.files.size(), 3u);
  EXPECT_THAT(said, HasSubstr("sub/outer.cfg:3: error: cluster.nme: unknown setting"));
  EXPECT_THAT(said, HasSubstr("main.cfg:6: error: x: unknown setting"));
  EXPECT_THAT(said, HasSubstr("      3 | nme = 1;"));
  EXPECT_THAT(said, Not(HasSubstr("cannot include"))) << "what is commented out is not looked for";
}

TEST_F(Includes_, MayComeAgainAndHaveACommentBehindThem) {
  put("empty.cfg", "# nothing\n");
  const std::string text =
      "@include \"empty.cfg\" // here\n@include \"empty.cfg\" # and here\n@include \"empty.cfg\";\n";
  const ReadResult read = read_file(put("main.cfg", text + kGood));
  EXPECT_EQ(findings_text(read.findings, read.source), "");
  EXPECT_EQ(read.source.files.size(), 4u);
}

TEST_F(Includes_, AreAThousandFilesAtMostWithTheFirst) {
  put("empty.cfg", "");
  std::string many;
  for (int i = 0; i < 999; ++i) many += "@include \"empty.cfg\"\n";
  EXPECT_TRUE(read_file(put("main.cfg", many + kGood)).config);
  const ReadResult more = read_file(put("main.cfg", many + "@include \"empty.cfg\"\n" + kGood));
  EXPECT_FALSE(more.config);
  EXPECT_THAT(line_of(more.findings.at(0)), HasSubstr("main.cfg:1000: error: more than 1000 files included"));
}

TEST_F(Includes_, ThatAreMissingOrCircularAreReportedAll) {
  put("a.cfg", "@include \"main.cfg\"\n");
  const ReadResult read = read_file(put("main.cfg", "@include \"a.cfg\"\n@include \"none.cfg\"\n@include none\n"));
  const std::string said = findings_text(read.findings, read.source);
  EXPECT_FALSE(read.config);
  EXPECT_THAT(said, HasSubstr("a.cfg:1: error: @include"));
  EXPECT_THAT(said, HasSubstr("within itself"));
  EXPECT_THAT(said, HasSubstr("main.cfg:2: error: cannot include"));
  EXPECT_THAT(said, HasSubstr("main.cfg:3: error: @include is badly written"));
}

TEST_F(Includes_, DoNotShiftTheLinesThatCausesName) {
  put("pools.cfg", "pools = (\n  { name = \"web\"; }\n};\n");
  const std::string path = put("main.cfg", "cluster: { name = \"a\"; };\n@include \"pools.cfg\"\n");
  EXPECT_THAT(line_of(read_file(path).findings.at(0)),
              HasSubstr("pools.cfg:3: error: syntax error: '}' does not close the '(' of line 1"));
  put("twice.cfg", "\ncluster: { name = \"b\"; };\n");
  const std::string twice = put("main.cfg", "cluster: { name = \"a\"; };\n@include \"twice.cfg\"\n");
  EXPECT_THAT(line_of(read_file(twice).findings.at(0)), HasSubstr("twice.cfg:2: error: "));
  EXPECT_THAT(line_of(read_file(twice).findings.at(0)), HasSubstr("first on " + twice + ":1"));
}

TEST_F(Includes_, AreNotFollowedInTextThatRefusesThem) {
  const std::string path = put("a.cfg", "cluster: { name = \"read\"; };\n");
  const ReadResult read = read_text("@include \"" + path + "\"\n", "t.cfg");
  EXPECT_FALSE(read.config);
  EXPECT_EQ(read.source.files.size(), 1u);
}

TEST(Read, MissingFileIsAFinding) {
  const ReadResult read = read_file("/nonexistent/cardea.cfg");
  ASSERT_EQ(count(read.findings, Finding::error), 1u);
  EXPECT_EQ(line_of(read.findings[0]), "/nonexistent/cardea.cfg: error: cannot be read: No such file or directory");
}

TEST(Read, ThirtyTwoLevelsAreReadAndNoMore) {
  const auto nested = [](int levels) {  // the document itself is one
    std::string text = "x = 1;";
    for (int i = 1; i < levels; ++i) text = "a: { " + text + " };";
    return said_about(text);
  };
  EXPECT_THAT(nested(32), Not(HasSubstr("nested deeper")));
  EXPECT_THAT(nested(33), HasSubstr("settings are nested deeper than 32 levels"));
}

}  // namespace
}  // namespace cardea::conf
