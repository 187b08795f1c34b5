#include "l7/tls/client_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <vector>

#include "l7/tls/pem.h"

namespace cardea::l7::tls {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct RevocationFree {
  void operator()(X509_CRL* list) const { X509_CRL_free(list); }
};
using Revocations = std::unique_ptr<X509_CRL, RevocationFree>;

Result<std::vector<Revocations>> parse_revocations(const std::string& pem) {
  const std::unique_ptr<BIO, BioFree> bio(BIO_new_mem_buf(pem.data(), int(pem.size())));
  std::vector<Revocations> lists;
  while (X509_CRL* const list = PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)) lists.emplace_back(list);
  ERR_clear_error();
  if (lists.empty()) return fail("no list of revocations in it (-----BEGIN X509 CRL----- expected)", Origin::kOperator);
  return lists;
}

}  // namespace

Result<std::shared_ptr<const ClientTrust>> ClientTrust::of(std::string authorities_pem, std::string revocations_pem,
                                                           bool required) {
  if (const auto chain = parse_chain(authorities_pem, nullptr); !chain) return std::unexpected(chain.error());
  if (!revocations_pem.empty())
    if (const auto lists = parse_revocations(revocations_pem); !lists) return std::unexpected(lists.error());
  return std::make_shared<const ClientTrust>(
      ClientTrust{std::move(authorities_pem), std::move(revocations_pem), required});
}

// The names of the authorities are told, by which a client with several certificates chooses. Of revocations those of
// the client's own issuer are asked: not every authority above it publishes some.
Result<> ClientTrust::use_in(SSL_CTX* context, OSSL_LIB_CTX* library) const {
  auto authorities = parse_chain(authorities_pem, library);
  if (!authorities) return std::unexpected(std::move(authorities.error()));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const X509Object& authority : *authorities)
    if (X509_STORE_add_cert(store, authority.get()) != 1 || SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return fail("OpenSSL refuses an authority for clients", Origin::kOperator);
  if (!revocations_pem.empty()) {
    auto lists = parse_revocations(revocations_pem);
    if (!lists) return std::unexpected(std::move(lists.error()));
    for (const Revocations& list : *lists)
      if (X509_STORE_add_crl(store, list.get()) != 1) return fail("OpenSSL refuses a list of revocations");
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return {};
}

}  // namespace cardea::l7::tls
