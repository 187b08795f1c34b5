#include "l7/tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "l7/tls/pem.h"
#include "tests/unit/l7/tls/authority.h"

namespace cardea::l7::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct CertificateTest : testing::Test {
  Authority authority;
  KeyReader keys{nullptr};
  std::string refusal(const std::string& chain, const std::string& key) {
    auto loaded = load_certificate("it", authority.path(chain), authority.path(key), keys);
    EXPECT_FALSE(loaded);
    if (loaded) return "";
    EXPECT_EQ(loaded.error().origin, Origin::kOperator);
    return loaded.error().message;
  }
};

TEST_F(CertificateTest, TellsNamesKeyTypeAndDates) {
  const auto loaded = authority.issued("shop", {.names = {"Shop.example", "*.shop.example"}});
  EXPECT_THAT(loaded->names, ElementsAre("*.shop.example", "shop.example"));
  EXPECT_EQ(loaded->key_type, "EC");
  EXPECT_THAT(loaded->issuer, HasSubstr("Test authority"));
  EXPECT_FALSE(loaded->serial.empty());
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  EXPECT_NEAR(std::chrono::duration<double>(loaded->not_after - now).count(), 30 * 86400.0, 60);
  EXPECT_EQ(authority.issued("rsa", {.names = {"a.example"}, .rsa = true})->key_type, "RSA");
}

TEST_F(CertificateTest, TheCommonNameCountsOnlyWithoutAlternativeNames) {
  EXPECT_THAT(authority.issued("old", {.names = {"old.example"}, .alternative_names = false})->names,
              ElementsAre("old.example"));
}

TEST_F(CertificateTest, BothInOneFile) {
  authority.issue("a", {.names = {"a.example"}});
  authority.write("both.pem", authority.read("a.key") + authority.read("a.crt") + authority.read("authority.crt"));
  const auto loaded = load_certificate("a", authority.path("both.pem"), authority.path("both.pem"), keys);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_THAT((*loaded)->names, ElementsAre("a.example"));
}

TEST_F(CertificateTest, EveryRefusalNamesTheFileAndTheReason) {
  authority.issue("a", {.names = {"a.example"}});
  authority.issue("b", {.names = {"b.example"}});
  authority.write("text", "hello");
  authority.write("empty", "");
  std::string cut = authority.read("a.crt");
  cut.replace(cut.size() / 2, 8, "!!!!!!!!");
  authority.write("broken.crt", cut);
  authority.write("large", std::string(2 << 20, 'x'));

  EXPECT_EQ(refusal("none.crt", "a.key"), "open: " + authority.path("none.crt") + ": No such file or directory");
  EXPECT_THAT(refusal("a.crt", "none.key"), HasSubstr("none.key: No such file"));
  EXPECT_THAT(refusal("text", "a.key"), HasSubstr("text: no certificate in it"));
  EXPECT_THAT(refusal("empty", "a.key"), HasSubstr("empty: no certificate in it"));
  EXPECT_THAT(refusal("broken.crt", "a.key"), HasSubstr("broken.crt: certificate 1 in it cannot be read"));
  EXPECT_THAT(refusal("a.crt", "text"), HasSubstr("text: no private key in it (-----BEGIN PRIVATE KEY----- expected)"));
  EXPECT_THAT(refusal("a.crt", "b.key"), HasSubstr("b.key: this key does not belong to the first certificate in"));
  EXPECT_THAT(refusal("large", "a.key"), HasSubstr("larger than 1 MB"));
}

TEST_F(CertificateTest, NobodyIsWaitedForWhoMightWriteIntoAFifo) {
  authority.issue("a", {.names = {"a.example"}});
  ASSERT_EQ(::mkfifo(authority.path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(refusal("fifo", "a.key"), HasSubstr("fifo is no file"));
  EXPECT_THAT(refusal("a.crt", "fifo"), HasSubstr("fifo is no file"));
}

TEST_F(CertificateTest, AnEncryptedKeyIsRefusedWithTheWayOut) {
  authority.issue("a", {.names = {"a.example"}});
  authority.write("encrypted.key",
                  "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                  "00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n-----END EC PRIVATE KEY-----\n");
  EXPECT_THAT(refusal("a.crt", "encrypted.key"), HasSubstr("encrypted; store it without a passphrase"));
}

TEST_F(CertificateTest, AKeyTooWeakToServeWithIsRefusedWhenItIsLoaded) {
  authority.issue("weak", {.names = {"a.example"}, .rsa = true, .rsa_bits = 1024});
  EXPECT_THAT(refusal("weak.crt", "weak.key"), HasSubstr("weak.crt: a key of 1024 bits is too weak"));
}

TEST_F(CertificateTest, WarnsOfExpiry) {
  using std::chrono::days;
  const auto loaded = authority.issued("a", {.names = {"a.example"}});
  EXPECT_EQ(expiry_warning(*loaded, loaded->not_after - days(20)), "");
  EXPECT_THAT(expiry_warning(*loaded, loaded->not_after - days(3)), HasSubstr("certificate a expires on 20"));
  EXPECT_THAT(expiry_warning(*loaded, loaded->not_after + days(1)), HasSubstr("certificate a expired on 20"));
  EXPECT_THAT(expiry_warning(*loaded, loaded->not_before - days(1)), HasSubstr("not valid before"));
}

}  // namespace
}  // namespace cardea::l7::tls
