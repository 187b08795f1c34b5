#include "mgmt/certificate_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "tests/unit/mgmt/sample_config.h"

namespace cardea::mgmt {
namespace {

using conf::Finding;
using std::chrono::system_clock;
using ::testing::HasSubstr;

struct CertificateFilesTest : ::testing::Test {
  CertificateFilesTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "cardea-pem-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    config.services[0].mode = conf::Mode::kHttp;
    config.services[0].tls.emplace();
  }
  ~CertificateFilesTest() override { std::filesystem::remove_all(folder); }

  std::string path(const std::string& name) const { return folder + "/" + name; }

  // NAME.crt, valid for so many days, and NAME.key.
  void issue(const std::string& name, EVP_PKEY* key, int days, const std::string& hosts = "",
             const std::map<int, std::string>& more = {}) const {
    X509* certificate = X509_new();
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("Common.example"), -1, -1, 0);
    if (!hosts.empty()) {
      X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, hosts.c_str());
      X509_add_ext(certificate, names, -1);
      X509_EXTENSION_free(names);
    }
    for (const auto& [id, value] : more) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
      X509_add_ext(certificate, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_gmtime_adj(X509_getm_notBefore(certificate), -86'400L * 100);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400L * days);
    X509_set_pubkey(certificate, key);
    X509_sign(certificate, key, EVP_sha256());
    const auto write = [](const std::string& file, auto how) {
      FILE* out = std::fopen(file.c_str(), "w");
      how(out);
      std::fclose(out);
    };
    write(path(name + ".crt"), [&](FILE* out) { PEM_write_X509(out, certificate); });
    write(path(name + ".key"),
          [&](FILE* out) { PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  conf::Findings look(const std::string& cert, const std::string& key, Look how = Look::kInside) {
    const conf::Place place{"site.cfg", 12, "services[0].tls.certificates[0]"};
    config.services[0].tls->certificates = {{place, path(cert), path(key)}};
    return look_at_certificates(config, how);
  }
  // The only finding.
  Finding one(const std::string& cert, const std::string& key, Look how = Look::kInside) {
    const auto findings = look(cert, key, how);
    EXPECT_EQ(findings.size(), 1u);
    return findings.empty() ? Finding{} : findings.front();
  }

  std::string folder;
  conf::Config config = test::config();
};

TEST_F(CertificateFilesTest, APairThatBelongsTogetherIsNothingToSay) {
  issue("a", EVP_EC_gen("P-256"), 60);
  EXPECT_TRUE(look("a.crt", "a.key").empty());
}

TEST_F(CertificateFilesTest, AMissingFileIsAnErrorBesideItsSetting) {
  issue("a", EVP_EC_gen("P-256"), 60);
  for (const Look how : {Look::kWhetherThere, Look::kInside}) {
    const auto finding = one("a.crt", "none.key", how);
    EXPECT_EQ(finding.level, Finding::error) << "cardea-l7 takes no plan without it";
    EXPECT_EQ(finding.place.path, "services[0].tls.certificates[0].key");
    EXPECT_EQ(finding.place.line, 12u);
    EXPECT_THAT(finding.message, HasSubstr("none.key\": No such file"));
  }
}

TEST_F(CertificateFilesTest, KeysOfOtherCertificatesAreErrors) {
  issue("a", EVP_EC_gen("P-256"), 60);
  issue("b", EVP_EC_gen("P-256"), 60);
  issue("rsa", EVP_RSA_gen(2048), 60);
  for (const char* key : {"b.key", "rsa.key"}) {
    const auto finding = one("a.crt", key);
    EXPECT_EQ(finding.level, Finding::error);
    EXPECT_THAT(finding.message, HasSubstr("does not belong to the first certificate in"));
  }
  EXPECT_TRUE(look("a.crt", "b.key", Look::kWhetherThere).empty()) << "a look at what is there reads nothing";
}

TEST_F(CertificateFilesTest, WhatIsNoPemIsAnErrorWithTheReason) {
  issue("a", EVP_EC_gen("P-256"), 60);
  std::ofstream(path("text")) << "hello\n";
  EXPECT_EQ(one("text", "a.key").place.path, "services[0].tls.certificates[0].cert");
  EXPECT_THAT(one("text", "a.key").message, HasSubstr("no start line"));
  EXPECT_EQ(one("a.crt", "text").place.path, "services[0].tls.certificates[0].key");
  EXPECT_EQ(one("a.crt", "text").level, Finding::error);
}

TEST_F(CertificateFilesTest, CertificateAndKeyInEachOthersPlaceAreNamed) {
  issue("a", EVP_EC_gen("P-256"), 60);
  const Finding swapped = one("a.key", "a.crt");
  EXPECT_THAT(swapped.message, HasSubstr("a.key\" holds a private key, and no certificate"));
  EXPECT_EQ(swapped.expected, "cert and key the other way round");
  EXPECT_THAT(one("a.key", "a.key").message, HasSubstr("holds a private key, and no certificate"));
  EXPECT_THAT(one("a.crt", "a.crt").message, HasSubstr("holds a certificate, and no private key"));
}

TEST_F(CertificateFilesTest, AnEncryptedKeyIsAnErrorWithTheRemedy) {
  issue("a", EVP_EC_gen("P-256"), 60);
  FILE* in = std::fopen(path("a.key").c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(in, nullptr, nullptr, nullptr);
  std::fclose(in);
  FILE* out = std::fopen(path("locked.key").c_str(), "w");
  const unsigned char word[] = "secret";
  PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), word, 6, nullptr, nullptr);
  std::fclose(out);
  EVP_PKEY_free(key);
  EXPECT_THAT(one("a.crt", "locked.key").message, HasSubstr("is encrypted"));
  EXPECT_THAT(one("a.crt", "locked.key").expected, HasSubstr("openssl pkey"));
}

TEST_F(CertificateFilesTest, ACertificateThatEndsSoonOrHasEndedIsAWarning) {
  issue("soon", EVP_EC_gen("P-256"), 13);
  issue("gone", EVP_EC_gen("P-256"), -2);
  issue("fine", EVP_EC_gen("P-256"), 15);
  EXPECT_THAT(one("soon.crt", "soon.key").message, HasSubstr("expires on"));
  EXPECT_EQ(one("soon.crt", "soon.key").level, Finding::warning);
  EXPECT_THAT(one("gone.crt", "gone.key").message, HasSubstr("expired on"));
  EXPECT_TRUE(look("fine.crt", "fine.key").empty());
}

TEST_F(CertificateFilesTest, WhatCannotBeStapledOrIsNotThoughItMustIsAWarning) {
  issue("must", EVP_EC_gen("P-256"), 60, "", {{NID_tlsfeature, "status_request"}});
  EXPECT_THAT(one("must.crt", "must.key").message, HasSubstr("must be stapled"));
  EXPECT_EQ(one("must.crt", "must.key").level, Finding::warning);
  issue("asks", EVP_EC_gen("P-256"), 60, "", {{NID_info_access, "OCSP;URI:http://ocsp.example/"}});
  EXPECT_TRUE(look("asks.crt", "asks.key").empty());
  config.services[0].tls->certificates[0].ocsp = "fetch";
  const auto alone = look_at_certificates(config, Look::kInside);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_THAT(alone[0].message, HasSubstr("no certificate of the issuer"));
  config.services[0].tls->certificates[0].ocsp = path("none.der");
  EXPECT_EQ(look_at_certificates(config, Look::kInside).size(), 1u) << "the file is not there";
}

TEST_F(CertificateFilesTest, HostsOfRoutesThatNoCertificateIsForAreAWarning) {
  issue("a", EVP_EC_gen("P-256"), 60, "DNS:shop.example,DNS:*.Shop.example");
  issue("b", EVP_EC_gen("P-256"), 60);
  const auto routed = [&](std::vector<std::string> hosts) {
    config.services[0].routes = {{{"site.cfg", 20, "services[0].routes[0]"}, "", {std::move(hosts), "/"}, "web"}};
  };
  routed({"shop.example", "www.shop.example", "*.shop.example", "192.0.2.1", "[2001:db8::1]"});
  EXPECT_TRUE(look("a.crt", "a.key").empty()) << "and clients ask for no address";
  routed({"shop.example", "a.b.shop.example", "example", "*.example"});
  const Finding finding = one("a.crt", "a.key");
  EXPECT_EQ(finding.level, Finding::warning);
  EXPECT_EQ(finding.place.path, "services[0].routes[0].match.host");
  EXPECT_THAT(finding.message, HasSubstr("is for \"a.b.shop.example\", \"example\": clients refuse"));
  EXPECT_TRUE(look("a.crt", "a.key", Look::kWhetherThere).empty());
  routed({"common.example"});
  EXPECT_TRUE(look("b.crt", "b.key").empty()) << "the common name, where there is no other";
  EXPECT_EQ(look("a.crt", "a.key").size(), 1u) << "and only there";
  config.services.push_back(config.services[0]);
  routed({"www.shop.example"});
  const auto both = look("a.crt", "a.key");
  ASSERT_EQ(both.size(), 1u) << "a certificate that two services share is for each service's hosts";
  EXPECT_THAT(both[0].message, HasSubstr("common.example"));
}

TEST_F(CertificateFilesTest, TicketKeysAreReadAsTheyWouldBe) {
  config.services[0].tls.reset();
  config.l7.emplace();
  config.l7->place.path = "l7";
  config.l7->ticket_keys = path("tickets");
  const auto told = [&] { return look_at_certificates(config, Look::kInside); };
  ASSERT_EQ(told().size(), 1u) << "there is none";
  EXPECT_EQ(told()[0].place.path, "l7.ticket_keys");
  EXPECT_EQ(told()[0].expected, "a file of ticket keys");
  std::ofstream(path("tickets")) << "no key\n";
  std::filesystem::permissions(path("tickets"), std::filesystem::perms(0640));
  ASSERT_EQ(told().size(), 1u);
  EXPECT_THAT(told()[0].message, HasSubstr("line 1: no key"));
  std::ofstream(path("tickets")) << std::string(106, 'A') << "A=\n";
  EXPECT_TRUE(told().empty());
}

TEST_F(CertificateFilesTest, NobodyIsWaitedForWhoMightWriteIntoAFifo) {
  issue("a", EVP_EC_gen("P-256"), 60);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  for (const Look how : {Look::kWhetherThere, Look::kInside}) {
    EXPECT_THAT(one("fifo", "a.key", how).message, HasSubstr("fifo\" is no file"));
    EXPECT_THAT(one("a.crt", "fifo", how).message, HasSubstr("fifo\" is no file"));
  }
}

TEST_F(CertificateFilesTest, AListOfRevocationsThatHasEndedIsAWarning) {
  issue("a", EVP_EC_gen("P-256"), 60);
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  const auto write = [&](long ends) {
    X509_CRL* const list = X509_CRL_new();
    ASN1_TIME* const time = X509_gmtime_adj(nullptr, -86'400);
    X509_CRL_set1_lastUpdate(list, time);
    X509_gmtime_adj(time, ends);
    X509_CRL_set1_nextUpdate(list, time);
    X509_CRL_sign(list, key, EVP_sha256());
    FILE* const out = std::fopen(path("crl").c_str(), "a");
    PEM_write_X509_CRL(out, list);
    std::fclose(out);
    ASN1_TIME_free(time);
    X509_CRL_free(list);
  };
  config.services[0].tls->client_auth.emplace();
  config.services[0].tls->client_auth->place.path = "services[0].tls.client_auth";
  config.services[0].tls->client_auth->revocations = path("crl");
  write(3600);
  EXPECT_TRUE(look("a.crt", "a.key").empty());
  write(-60);
  EXPECT_TRUE(look("a.crt", "a.key", Look::kWhetherThere).empty());
  const Finding finding = one("a.crt", "a.key");
  EXPECT_EQ(finding.level, Finding::warning);
  EXPECT_EQ(finding.place.path, "services[0].tls.client_auth.revocations");
  EXPECT_THAT(finding.message, HasSubstr("the clients of its authority are refused"));
  EVP_PKEY_free(key);
}

TEST_F(CertificateFilesTest, AuthoritiesOfBackendsAreLookedAtToo) {
  config.services[0].tls.reset();
  config.pools[0].tls.emplace();
  config.pools[0].tls->authorities = path("none.pem");
  config.pools[0].tls->place.path = "pools[0].tls";
  const auto findings = look_at_certificates(config, Look::kInside);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].place.path, "pools[0].tls.authorities");
}

}  // namespace
}  // namespace cardea::mgmt
