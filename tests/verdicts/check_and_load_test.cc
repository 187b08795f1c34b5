// What `cardea check` says about a document's files, and what cardea-l7 says when it is to take the plan made of it: the same
// verdict, in the same words, for every file that a policy may name, missing, unfit and good.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>

#include "conf/findings_text.h"
#include "conf/read.h"
#include "l7/plan/load.h"
#include "mgmt/compile_l7.h"
#include "mgmt/host.h"
#include "mgmt/policy_files.h"
#include "tests/unit/base/scratch_folder.h"

namespace cardea {
namespace {

struct Row {
  const char* setting;          // of a route and of a service; FILE stands for the file's path
  const char* path;             // of the setting that is found fault with
  const char* content;          // null: there is no such file; "/": a folder
  const char* fault = nullptr;  // in what both say; null: the document is good
  mode_t mode = 0600;
};

constexpr const char* kPublicKey = R"(-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEZieE4E79wKoJ/Ne4R40rtViDZD3
PVzFV7a1T/Hrd7Fkl4fKZ4z5tj8YkwtBfrOS2pMXsjoJaODjfLgJAHhvmg==
-----END PUBLIC KEY-----
)";
constexpr const char* kSecretSet = R"({"keys": [{"kty": "oct", "k": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"}]})";
constexpr const char* kUsers = "ann:$6$saltsalt$0123456789012345678901234567890123456789\n";

const Row kRows[] = {
    {R"(access: { allow_files = ["FILE"]; };)", "access.allow_files", "10.0.0.0/8\n192.0.2.1 # one\n"},
    {R"(access: { allow_files = ["FILE"]; };)", "access.allow_files", "", nullptr},
    {R"(access: { allow_files = ["FILE"]; };)", "access.allow_files", nullptr, "No such file"},
    {R"(access: { allow_files = ["FILE"]; };)", "access.allow_files", "/", "is no file"},
    {R"(access: { allow_files = ["FILE"]; };)", "access.allow_files", "10.0.0.0/8\n10.0.0.0/33\n", "line 2"},
    {R"(access: { deny_files = "FILE"; };)", "access.deny_files", "2001:db8::/32\n"},
    {R"(access: { deny_files = "FILE"; };)", "access.deny_files", nullptr, "No such file"},
    {R"(access: { deny_files = "FILE"; };)", "access.deny_files", "example.com\n", "line 1"},
    {R"(basic_auth: { users = "FILE"; };)", "basic_auth.users", kUsers},
    {R"(basic_auth: { users = "FILE"; };)", "basic_auth.users", nullptr, "No such file"},
    {R"(basic_auth: { users = "FILE"; };)", "basic_auth.users", "# nobody\n", "there is nobody in it"},
    {R"(basic_auth: { users = "FILE"; };)", "basic_auth.users", "ann:$apr1$salt$md5md5md5md5md5md5md5\n", "the hash of \"ann\" is none"},
    {R"(error_pages = ( { status = [503]; file = "FILE"; } );)", "error_pages[0].file", "sorry: ${status}"},
    {R"(error_pages = ( { status = [503]; file = "FILE"; } );)", "error_pages[0].file", nullptr, "No such file"},
    {R"(error_pages = ( { status = [503]; file = "FILE"; } );)", "error_pages[0].file", "LONG", "70000 bytes"},
    {R"(jwt: { jwks = "FILE"; };)", "jwt.jwks", kSecretSet},
    {R"(jwt: { jwks = "FILE"; algorithms = ["HS256"]; };)", "jwt.jwks", kSecretSet},
    {R"(jwt: { jwks = "FILE"; };)", "jwt.jwks", nullptr, "No such file"},
    {R"(jwt: { jwks = "FILE"; };)", "jwt.jwks", R"({"keys": []})", "key"},
    {R"(jwt: { jwks = "FILE"; };)", "jwt.jwks", "no JSON", "FILE"},
    {R"(jwt: { jwks = "FILE"; };)", "jwt.jwks", kSecretSet, "open to every user of this host", 0644},
    {R"(jwt: { jwks = "FILE"; algorithms = ["ES256"]; };)", "jwt.algorithms", kSecretSet, "there is no key for ES256"},
    {R"(jwt: { public_keys = ["FILE"]; };)", "jwt.public_keys", kPublicKey},
    {R"(jwt: { public_keys = ["FILE"]; algorithms = ["ES256"]; };)", "jwt.public_keys", kPublicKey, nullptr, 0644},
    {R"(jwt: { public_keys = ["FILE"]; };)", "jwt.public_keys", nullptr, "No such file"},
    {R"(jwt: { public_keys = ["FILE"]; };)", "jwt.public_keys", "no PEM", "FILE"},
    {R"(jwt: { public_keys = ["FILE"]; algorithms = ["RS256"]; };)", "jwt.algorithms", kPublicKey, "there is no key for RS256"},
    {R"(jwt: { secret = "FILE"; };)", "jwt.secret", "a secret of more than thirty-two bytes\n"},
    {R"(jwt: { secret = "FILE"; };)", "jwt.secret", nullptr, "No such file"},
    {R"(jwt: { secret = "FILE"; };)", "jwt.secret", "short\n", "FILE"},
    {R"(jwt: { secret = "FILE"; };)", "jwt.secret", "a secret of more than thirty-two bytes\n", "open to every user", 0644},
    {R"(api_keys: { file = "FILE"; };)", "api_keys.file", "shop:0123456789abcdef-shop\n"},
    {R"(api_keys: { file = "FILE"; };)", "api_keys.file", nullptr, "No such file"},
    {R"(api_keys: { file = "FILE"; };)", "api_keys.file", "shop:short\n", "line 1"},
    {R"(api_keys: { file = "FILE"; };)", "api_keys.file", "shop:0123456789abcdef-shop\n", "open to every user", 0644},
    {R"(files: { root = "FILE"; };)", "files.root", "/"},
    {R"(files: { root = "FILE"; };)", "files.root", nullptr, "No such file"},
    {R"(files: { root = "FILE"; };)", "files.root", "a file", "Not a directory"},
};

constexpr const char* kDocument = R"(
cluster: { name = "test"; seed = "0123456789abcdef0123456789abcdef"; };
l7: { shards = [0]; };
pools = ( { name = "web"; backends = ( { address = "127.0.0.1:9"; } ); } );
services = (
  { name = "shop"; mode = "http"; listen = "127.0.0.1:8080/tcp";
    SERVICE
    routes = ( { name = "a"; match: { path = "/a"; };
      ROUTE
    } ); } );
)";

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  for (size_t at = 0; (at = text.find(word, at)) != text.npos; at += by.size()) text.replace(at, word.size(), by);
  return text;
}

// One that was taken, so that what comes then is a reload.
struct Loader {
  ScratchFolder folder;
  stats::Segment segment = stats::Segment::create(folder.file("stats"), 2, 4096, 65536).value();
  l7::PlanResources resources{l7::RowBook(segment), {}};
  mgmt::RingCache rings;

  Result<std::shared_ptr<const l7::LivePlan>> load(const conf::Config& config, const l7::LivePlan* running) {
    const auto states = mgmt::pool_states(config, {}, rings).value();
    return load_plan(mgmt::bytes_of(mgmt::compile_l7(config, states, 1).value()), resources, running);
  }
};

struct CheckAndLoad : testing::TestWithParam<std::tuple<Row, bool>> {
  bool of_the_route() const { return std::get<1>(GetParam()); }
  const Row& row() const { return std::get<0>(GetParam()); }

  void lay() const {
    if (row().content == nullptr) return;
    const std::string content = row().content;
    if (content == "/") return void(std::filesystem::create_directory(file));
    std::ofstream(file) << (content == "LONG" ? std::string(70'000, 'x') : content);
    ASSERT_EQ(::chmod(file.c_str(), row().mode), 0);
  }

  conf::ReadResult read() const {
    const std::string setting = replaced(row().setting, "FILE", file);
    const std::string action = setting.starts_with("files") ? "" : "pool = \"web\";";
    const std::string routes = of_the_route() ? setting + action : std::string("pool = \"web\";");
    return conf::read_text(replaced(replaced(kDocument, "SERVICE", of_the_route() ? "pool = \"web\";" : setting + action), "ROUTE", routes),
                           "site.cfg");
  }

  ScratchFolder folder;
  const std::string file = folder.file("named");
};

TEST_P(CheckAndLoad, SayTheSame) {
  lay();
  conf::ReadResult document = read();
  ASSERT_TRUE(document.config) << conf::findings_text(document.findings, document.source);
  conf::Findings found;
  mgmt::look_at_host(*document.config, mgmt::Look::kInside, found);
  std::erase_if(found, [](const conf::Finding& one) { return one.level != conf::Finding::error; });
  Loader loader;
  const auto running = loader.load(*conf::read_text(replaced(replaced(kDocument, "SERVICE", ""), "ROUTE", "pool = \"web\";"), "").config, nullptr);
  ASSERT_TRUE(running) << running.error().message;
  const auto loaded = loader.load(*document.config, running->get());
  if (row().fault == nullptr) {
    EXPECT_TRUE(loaded) << loaded.error().message;
    EXPECT_TRUE(found.empty()) << found.front().message;
    return;
  }
  ASSERT_FALSE(loaded);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_THAT(loaded.error().message, testing::EndsWith(found[0].message));
  EXPECT_THAT(found[0].message, testing::HasSubstr(replaced(row().fault, "FILE", file)));
  const std::string path = (of_the_route() ? "services[0].routes[0]." : "services[0].") + std::string(row().path);
  EXPECT_THAT(found[0].place.path, testing::StartsWith(path));
  const unsigned line = of_the_route() ? 9 : 7;
  conf::add_findings(document, std::move(found));
  EXPECT_EQ(document.findings.front().place.line, line) << "that of the setting";
}

INSTANTIATE_TEST_SUITE_P(Files, CheckAndLoad, testing::Combine(testing::ValuesIn(kRows), testing::Bool()));

}  // namespace
}  // namespace cardea
