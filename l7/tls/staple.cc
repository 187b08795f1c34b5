#include "l7/tls/staple.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "l7/tls/certificate.h"
#include "l7/tls/pem.h"

namespace cardea::l7::tls {
namespace {

using Time = Staple::Time;

// Clocks of ours and of the responder's may differ by so much.
constexpr std::chrono::seconds kSkew{300};
// Of an answer that does not say for how long it holds (RFC 6960 2.4).
constexpr std::chrono::hours kUnsaid{1};

struct Free {
  void operator()(OCSP_CERTID* id) const { OCSP_CERTID_free(id); }
  void operator()(OCSP_REQUEST* request) const { OCSP_REQUEST_free(request); }
  void operator()(OCSP_RESPONSE* response) const { OCSP_RESPONSE_free(response); }
  void operator()(OCSP_BASICRESP* answer) const { OCSP_BASICRESP_free(answer); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(unsigned char* der) const { OPENSSL_free(der); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::unexpected<NotStapled> refuse(std::string why, bool revoked = false) {
  ERR_clear_error();
  return std::unexpected(NotStapled{std::move(why), revoked});
}

// The certificate and its issuer, and the name of both in OCSP.
struct Subject {
  std::vector<X509Object> chain;
  X509* issuer = nullptr;  // one of those
  Owned<OCSP_CERTID> id;
};

// Wherever it stands in the file. Null: it does not.
X509* issuer_in(const std::vector<X509Object>& chain) {
  const auto issued = [&](const X509Object& one) { return X509_check_issued(one.get(), chain.front().get()) == X509_V_OK; };
  const auto found = std::find_if(chain.begin() + 1, chain.end(), issued);
  return found == chain.end() ? nullptr : found->get();
}

std::expected<Subject, NotStapled> subject_of(const Certificate& certificate) {
  auto chain = parse_chain(certificate.chain_pem, nullptr);
  if (!chain) return refuse(std::move(chain.error().message));
  X509* const issuer = chain->empty() ? nullptr : issuer_in(*chain);
  if (issuer == nullptr) return refuse("its issuer's certificate is not in the file behind it");
  Subject subject{std::move(*chain), issuer, nullptr};
  subject.id.reset(OCSP_cert_to_id(EVP_sha1(), subject.chain[0].get(), issuer));
  if (!subject.id) return refuse("it has no name in OCSP");
  return subject;
}

// Whom it trusts: the issuer alone, whatever else the host trusts.
bool is_signed(OCSP_BASICRESP* answer, const Subject& subject) {
  const Owned<X509_STORE> store(X509_STORE_new());
  X509* const issuer = subject.issuer;
  if (!store || X509_STORE_add_cert(store.get(), issuer) != 1) return false;
  STACK_OF(X509)* const known = sk_X509_new_null();
  const bool taken = known != nullptr && sk_X509_push(known, issuer) > 0;
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  const bool good = taken && OCSP_basic_verify(answer, known, store.get(), 0) == 1;
  sk_X509_free(known);
  return good;
}

Time time_of(const ASN1_GENERALIZEDTIME* time) {
  tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return Time(std::chrono::seconds(timegm(&parts)));
}

std::string date(Time time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(time.time_since_epoch().count()));
}

struct Said {
  int status = V_OCSP_CERTSTATUS_UNKNOWN;
  Time from{}, until{};
};

std::expected<Said, NotStapled> said_of(OCSP_BASICRESP* answer, OCSP_CERTID* id) {
  Said said;
  int reason = 0;
  ASN1_GENERALIZEDTIME *revoked = nullptr, *from = nullptr, *until = nullptr;
  if (OCSP_resp_find_status(answer, id, &said.status, &reason, &revoked, &from, &until) != 1)
    return refuse("the answer is about another certificate");
  said.from = time_of(from);
  said.until = until != nullptr ? time_of(until) : said.from + kUnsaid;
  return said;
}

std::expected<void, NotStapled> judge(const Said& said, Time now) {
  if (said.from > now + kSkew) return refuse("the answer begins on " + date(said.from));
  if (said.until <= now) return refuse("the answer ended on " + date(said.until));
  if (said.status == V_OCSP_CERTSTATUS_REVOKED) return refuse("it is revoked", true);
  if (said.status != V_OCSP_CERTSTATUS_GOOD) return refuse("the responder does not know it");
  return {};
}

}  // namespace

Result<std::string> staple_question(const Certificate& certificate) {
  auto subject = subject_of(certificate);
  if (!subject) return fail(std::move(subject.error().why), Origin::kOperator);
  const Owned<OCSP_REQUEST> request(OCSP_REQUEST_new());
  if (!request || OCSP_request_add0_id(request.get(), subject->id.get()) == nullptr) return fail("out of memory");
  (void)subject->id.release();  // the request's
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_REQUEST(request.get(), &der);
  const Owned<unsigned char> text(der);
  if (size <= 0) return fail("out of memory");
  return std::string(reinterpret_cast<const char*>(der), size_t(size));
}

std::expected<std::shared_ptr<const Staple>, NotStapled> read_staple(std::string_view der, const Certificate& certificate,
                                                                     Time now) {
  if (der.size() > kStapleBytesMax) return refuse("the answer is larger than 32 KB");
  auto subject = subject_of(certificate);
  if (!subject) return std::unexpected(std::move(subject.error()));
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  const Owned<OCSP_RESPONSE> response(d2i_OCSP_RESPONSE(nullptr, &at, long(der.size())));
  if (!response || at != end) return refuse("the answer is none of OCSP's");
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return refuse(fmt::format("the responder says \"{}\"", OCSP_response_status_str(status)));
  const Owned<OCSP_BASICRESP> answer(OCSP_response_get1_basic(response.get()));
  if (!answer) return refuse("the answer is none of OCSP's");
  if (!is_signed(answer.get(), *subject)) return refuse("the answer is not signed by the certificate's issuer");
  const auto said = said_of(answer.get(), subject->id.get());
  if (!said) return std::unexpected(said.error());
  if (const auto good = judge(*said, now); !good) return std::unexpected(good.error());
  return std::make_shared<const Staple>(Staple{std::string(der), said->from, said->until});
}

}  // namespace cardea::l7::tls
