#include "tests/unit/l7/tls/authority.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/check.h"
#include "l7/tls/pem.h"

namespace cardea::l7::tls {
namespace {

KeyObject make_key(unsigned rsa_bits) {  // 0: EC
  KeyObject key(rsa_bits != 0 ? EVP_RSA_gen(rsa_bits) : EVP_EC_gen("P-256"));
  CHECK(key != nullptr);
  return key;
}

template <typename Write>
std::string pem(Write&& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  CHECK(write(bio) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(length));
  BIO_free(bio);
  return text;
}

void add_extension(X509* certificate, int id, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
  CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509Object make_certificate(EVP_PKEY* key, const std::string& common_name, long serial, int days_from, int days_to) {
  X509Object made(X509_new());
  X509* at = made.get();
  X509_set_version(at, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(at), serial);
  X509_gmtime_adj(X509_getm_notBefore(at), days_from * 86400L);
  X509_gmtime_adj(X509_getm_notAfter(at), days_to * 86400L);
  X509_set_pubkey(at, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(at), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.data()),
                             static_cast<int>(common_name.size()), -1, 0);
  return made;
}

}  // namespace

struct Authority::Own {
  KeyObject key = make_key(0);
  X509Object certificate = make_certificate(key.get(), "Test authority", 1, -10, 3650);
};

Authority::Authority() : own_(std::make_unique<Own>()) {
  std::string name = (std::filesystem::temp_directory_path() / "cardea-tls-XXXXXX").string();
  CHECK(mkdtemp(name.data()) != nullptr);
  folder_ = name;
  X509* at = own_->certificate.get();
  X509_set_issuer_name(at, X509_get_subject_name(at));
  add_extension(at, NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(at, own_->key.get(), EVP_sha256()) > 0);
  write("authority.crt", pem([&](BIO* bio) { return PEM_write_bio_X509(bio, at); }));
}

Authority::~Authority() {
  std::filesystem::remove_all(folder_);
}

void Authority::issue(const std::string& name, const LeafOptions& options) {
  const KeyObject key = make_key(options.rsa ? options.rsa_bits : 0);
  const std::string common_name = options.names.empty() ? name : options.names.front();
  const X509Object leaf = make_certificate(key.get(), common_name, ++serial_, options.days_from, options.days_to);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(own_->certificate.get()));
  std::string alternatives;
  for (const std::string& each : options.names) alternatives += (alternatives.empty() ? "DNS:" : ",DNS:") + each;
  if (options.alternative_names && !alternatives.empty()) add_extension(leaf.get(), NID_subject_alt_name, alternatives);
  if (!options.responder.empty()) add_extension(leaf.get(), NID_info_access, "OCSP;URI:" + options.responder);
  if (!options.usage.empty()) add_extension(leaf.get(), NID_ext_key_usage, options.usage);
  if (options.must_staple) add_extension(leaf.get(), NID_tlsfeature, "status_request");
  CHECK(X509_sign(leaf.get(), own_->key.get(), EVP_sha256()) > 0);
  write(name + ".crt", pem([&](BIO* bio) { return PEM_write_bio_X509(bio, leaf.get()); }) +
                           (options.with_issuer ? read("authority.crt") : ""));
  write(name + ".key",
        pem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); }));
}

std::shared_ptr<const Certificate> Authority::load(const std::string& name) const {
  KeyReader keys{nullptr};
  auto loaded = load_certificate(name, path(name + ".crt"), path(name + ".key"), keys);
  CHECK(loaded.has_value(), "a certificate that was just made loads");
  return *loaded;
}

std::string Authority::ocsp_answer(const Certificate& about, Status status, int from, int to,
                                   const Certificate* signer) const {
  const auto chain = parse_chain(about.chain_pem, nullptr);
  OCSP_BASICRESP* const basic = OCSP_BASICRESP_new();
  OCSP_CERTID* const id = OCSP_cert_to_id(EVP_sha1(), chain->front().get(), own_->certificate.get());
  ASN1_TIME *const begins = X509_gmtime_adj(nullptr, from), *const ends = X509_gmtime_adj(nullptr, to);
  const int word = status == Status::kGood      ? V_OCSP_CERTSTATUS_GOOD
                   : status == Status::kRevoked ? V_OCSP_CERTSTATUS_REVOKED
                                                : V_OCSP_CERTSTATUS_UNKNOWN;
  CHECK(OCSP_basic_add1_status(basic, id, word, 0, begins, begins, ends) != nullptr);
  const auto signers = signer ? parse_chain(signer->chain_pem, nullptr) : std::vector<X509Object>();
  const auto key = signer ? KeyReader{nullptr}.read(signer->key_pem) : KeyObject();
  CHECK(OCSP_basic_sign(basic, signer ? signers->front().get() : own_->certificate.get(),
                        signer ? key->get() : own_->key.get(), EVP_sha256(), nullptr, 0) == 1);
  OCSP_RESPONSE* const response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  std::string text(reinterpret_cast<const char*>(der), size_t(size));
  OPENSSL_free(der);
  ASN1_TIME_free(begins), ASN1_TIME_free(ends), OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic), OCSP_RESPONSE_free(response);
  return text;
}

void Authority::write(const std::string& file, const std::string& text) const {
  std::ofstream(path(file)) << text;
}

std::string Authority::read(const std::string& file) const {
  std::ostringstream text;
  text << std::ifstream(path(file)).rdbuf();
  return text.str();
}

}  // namespace cardea::l7::tls
