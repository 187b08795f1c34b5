// What a client's certificate says, for those behind it. The certificate was verified in the handshake.
#pragma once

#include <openssl/types.h>

#include <string>

namespace cardea::l7::tls {

bool has_peer_certificate(const SSL* ssl);
// RFC 2253, what is no printable ASCII escaped; empty where there is no certificate.
std::string peer_subject(const SSL* ssl);
std::string peer_issuer(const SSL* ssl);
std::string peer_serial(const SSL* ssl);       // hexadecimal
std::string peer_fingerprint(const SSL* ssl);  // SHA-256 of all of it, hexadecimal in small letters

}  // namespace cardea::l7::tls
