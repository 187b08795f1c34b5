#include "l7/tls/peer_certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace cardea::l7::tls {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct NumberFree {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct TextFree {
  void operator()(char* text) const { OPENSSL_free(text); }
};

X509* certificate_of(const SSL* ssl) {
  return SSL_get0_peer_certificate(ssl);
}

std::string text_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, BioFree> out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, size_t(size)};
}

}  // namespace

bool has_peer_certificate(const SSL* ssl) {
  return certificate_of(ssl) != nullptr;
}

std::string peer_subject(const SSL* ssl) {
  const X509* const certificate = certificate_of(ssl);
  return certificate == nullptr ? "" : text_of(X509_get_subject_name(certificate));
}

std::string peer_issuer(const SSL* ssl) {
  const X509* const certificate = certificate_of(ssl);
  return certificate == nullptr ? "" : text_of(X509_get_issuer_name(certificate));
}

std::string peer_serial(const SSL* ssl) {
  const X509* const certificate = certificate_of(ssl);
  if (certificate == nullptr) return {};
  const std::unique_ptr<BIGNUM, NumberFree> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  const std::unique_ptr<char, TextFree> text(number ? BN_bn2hex(number.get()) : nullptr);
  return text ? text.get() : "";
}

std::string peer_fingerprint(const SSL* ssl) {
  const X509* const certificate = certificate_of(ssl);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < size; ++i) text.append({kDigits[digest[i] >> 4], kDigits[digest[i] & 15]});
  return text;
}

}  // namespace cardea::l7::tls
