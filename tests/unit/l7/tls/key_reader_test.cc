#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <functional>

#include "l7/tls/pem.h"

namespace cardea::l7::tls {
namespace {

using testing::HasSubstr;

std::string pem(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(write(bio), 1);
  char* text = nullptr;
  const long length = BIO_get_mem_data(bio, &text);
  std::string result(text, size_t(length));
  BIO_free(bio);
  return result;
}

struct KeyReaderTest : testing::Test {
  KeyReader reader{nullptr};
  KeyObject ec{EVP_EC_gen("P-256")}, rsa{EVP_RSA_gen(2048)}, ed25519{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};

  static std::string pkcs8(const KeyObject& key, const EVP_CIPHER* cipher = nullptr) {
    return pem([&](BIO* bio) {
      return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher, cipher ? "secret" : nullptr, cipher ? 6 : 0, nullptr,
                                           nullptr);
    });
  }
  static std::string traditional(const KeyObject& key, const EVP_CIPHER* cipher = nullptr) {
    const auto* secret = reinterpret_cast<const unsigned char*>("secret");
    return pem([&](BIO* bio) {
      return PEM_write_bio_PrivateKey_traditional(bio, key.get(), cipher, cipher ? secret : nullptr, cipher ? 6 : 0,
                                                  nullptr, nullptr);
    });
  }
  bool reads(const std::string& text, const KeyObject& expected) {
    const auto key = reader.read(text);
    return key && EVP_PKEY_eq(key->get(), expected.get()) == 1 && signs(*key);
  }
  static bool signs(const KeyObject& key) {  // the private half is there
    EVP_MD_CTX* digest = EVP_MD_CTX_new();
    size_t length = 0;
    const unsigned char text[] = "text";
    const bool named = EVP_PKEY_is_a(key.get(), "ED25519");
    std::array<unsigned char, 512> signature;
    length = signature.size();
    const bool done = EVP_DigestSignInit(digest, nullptr, named ? nullptr : EVP_sha256(), nullptr, key.get()) == 1 &&
                      EVP_DigestSign(digest, signature.data(), &length, text, sizeof text) == 1;
    EVP_MD_CTX_free(digest);
    return done;
  }
  std::string refusal(const std::string& text) {
    const auto key = reader.read(text);
    EXPECT_FALSE(key);
    return key ? "" : key.error().message;
  }
};

TEST_F(KeyReaderTest, OneReaderReadsEveryForm) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(reads(pkcs8(ec), ec));
    EXPECT_TRUE(reads(pkcs8(rsa), rsa));
    EXPECT_TRUE(reads(pkcs8(ed25519), ed25519));
    EXPECT_TRUE(reads(traditional(ec), ec));
    EXPECT_TRUE(reads(traditional(rsa), rsa));
  }
}

// As `openssl ecparam -genkey` writes it.
TEST_F(KeyReaderTest, ParametersAndCertificatesBeforeTheKeyArePassedOver) {
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";  // prime256v1
  EXPECT_TRUE(reads(parameters + traditional(ec), ec));
  EXPECT_TRUE(reads("Bag Attributes\n  friendlyName: it\n" + pkcs8(rsa), rsa));
  const std::string unknown = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  EXPECT_TRUE(reads(unknown + unknown + pkcs8(ec), ec));
}

TEST_F(KeyReaderTest, ARefusalLeavesTheReaderUsable) {
  EXPECT_THAT(refusal(""), HasSubstr("no private key in it"));
  EXPECT_THAT(refusal("hello"), HasSubstr("no private key in it"));
  EXPECT_THAT(refusal(pkcs8(ec, EVP_aes_128_cbc())), HasSubstr("is encrypted"));
  EXPECT_THAT(refusal(traditional(rsa, EVP_aes_128_cbc())), HasSubstr("is encrypted"));
  std::string broken = pkcs8(rsa);
  broken.replace(broken.size() / 2, 4, "AAAA");
  broken.erase(broken.size() / 3, 64);
  EXPECT_THAT(refusal(broken), HasSubstr("cannot be read"));
  EXPECT_THAT(refusal(pkcs8(ec).substr(0, 100)), HasSubstr("cannot be read"));
  const std::string open = pem([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, ec.get()); });
  EXPECT_THAT(refusal(open), HasSubstr("no private key in it"));
  EXPECT_TRUE(reads(pkcs8(ec), ec));
}

}  // namespace
}  // namespace cardea::l7::tls
