#include "l7/tls/handshake_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace cardea::l7::tls {
namespace {

Failure failure_of(int reason) {
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_RECORD_TOO_SMALL:
    case SSL_R_UNEXPECTED_RECORD:
      return Failure::kNotTls;
    case SSL_R_UNKNOWN_PROTOCOL:  // SSLv2
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_UNKNOWN_SSL_VERSION:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return Failure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      return Failure::kNoSharedCipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Failure::kNoProtocol;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Failure::kCertificate;
    default:
      return reason > SSL_AD_REASON_OFFSET ? Failure::kPeerAlert : Failure::kOther;
  }
}

}  // namespace

Handshake explain_handshake_failure(const SSL* ssl, bool lower_failed) {
  const unsigned long code = ERR_peek_error();
  const bool says_more = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (lower_failed && !says_more) return {Failure::kClosed, ""};
  const Failure failure = failure_of(ERR_GET_REASON(code));
  if (failure == Failure::kCertificate) return {failure, X509_verify_cert_error_string(SSL_get_verify_result(ssl))};
  const char* reason = code ? ERR_reason_error_string(code) : nullptr;
  return {failure, reason ? reason : ""};
}

std::string_view word(Failure failure) {
  switch (failure) {
    case Failure::kNone:
      return "none";
    case Failure::kTimeout:
      return "timeout";
    case Failure::kCancelled:
      return "cancelled";
    case Failure::kClosed:
      return "closed";
    case Failure::kNotTls:
      return "not_tls";
    case Failure::kVersion:
      return "version";
    case Failure::kNoSharedCipher:
      return "no_shared_cipher";
    case Failure::kNoProtocol:
      return "no_protocol";
    case Failure::kPeerAlert:
      return "peer_alert";
    case Failure::kCertificate:
      return "certificate";
    case Failure::kOther:
      return "other";
  }
  return "other";
}

}  // namespace cardea::l7::tls
