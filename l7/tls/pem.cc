#include "l7/tls/pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <utility>

#include "l7/tls/crypto_library.h"

namespace cardea::l7::tls {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using TextBio = std::unique_ptr<BIO, BioFree>;

TextBio text_bio(std::string_view text) {
  return TextBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Asked only for an encrypted key, whose passphrase nobody is there to type.
int refuse_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// What PEM_read says at the end of the text.
bool at_end_of_text() {
  return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

}  // namespace

Result<std::vector<X509Object>> parse_chain(std::string_view pem, OSSL_LIB_CTX* library) {
  ERR_clear_error();
  const TextBio bio = text_bio(pem);
  std::vector<X509Object> chain;
  for (;;) {
    X509* certificate = X509_new_ex(library, nullptr);
    if (!PEM_read_bio_X509(bio.get(), &certificate, nullptr, nullptr)) {
      X509_free(certificate);
      break;
    }
    chain.emplace_back(certificate);
  }
  if (!at_end_of_text()) {
    return fail_openssl("certificate " + std::to_string(chain.size() + 1) + " in it cannot be read");
  }
  ERR_clear_error();
  if (chain.empty()) return fail("no certificate in it (-----BEGIN CERTIFICATE----- expected)", Origin::kOperator);
  return chain;
}

bool KeyReader::prepare() {
  if (decoder_) return true;
  decoder_.reset(OSSL_DECODER_CTX_new_for_pkey(&found_, "PEM", nullptr, nullptr, EVP_PKEY_KEYPAIR, library_, nullptr));
  return decoder_ && OSSL_DECODER_CTX_set_pem_password_cb(decoder_.get(), refuse_passphrase, &passphrase_asked_) == 1;
}

Result<KeyObject> KeyReader::read(std::string_view pem) {
  ERR_clear_error();
  if (!prepare()) return fail_openssl("prepare to read private keys", Origin::kSelf);
  const TextBio bio = text_bio(pem);
  passphrase_asked_ = false;
  // Each round takes one PEM block; those of other kinds (parameters, certificates) are passed over.
  for (int64_t left = BIO_pending(bio.get()), before = left + 1; left > 0 && left < before && !passphrase_asked_;) {
    const bool decoded = OSSL_DECODER_from_bio(decoder_.get(), bio.get()) == 1;
    KeyObject key(std::exchange(found_, nullptr));
    if (decoded && key) return key;
    before = std::exchange(left, BIO_pending(bio.get()));
  }
  ERR_clear_error();
  const bool none = pem.find("PRIVATE KEY-----") == std::string_view::npos;
  if (passphrase_asked_) {
    return fail("the private key is encrypted; store it without a passphrase (openssl pkey -in KEY -out PLAIN)",
                Origin::kOperator);
  }
  return fail(
      none ? "no private key in it (-----BEGIN PRIVATE KEY----- expected)" : "the private key in it cannot be read",
      Origin::kOperator);
}

}  // namespace cardea::l7::tls
