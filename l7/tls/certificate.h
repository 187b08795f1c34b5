// A certificate as operators give it: PEM files, read and checked once by the control thread. Shards get the checked
// text and parse it into objects of their own. The private key's text is wiped when the last holder lets go.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "l7/tls/staple.h"

namespace cardea::l7::tls {

class KeyReader;  // pem.h

struct Certificate {
  using Time = std::chrono::sys_seconds;

  Certificate() = default;
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate();

  std::string name;                // as the operator finds it
  std::string chain_pem, key_pem;  // leaf first
  std::vector<std::string> names;  // lower case DNS names, "*.example.com" for wildcards; none: serves as default only
  std::string key_type;            // "EC", "RSA", "ED25519"
  std::string issuer, serial;      // for people
  Time not_before{}, not_after{};
  std::string responder;      // where OCSP is asked; empty: it names none
  bool must_staple = false;   // who honours it refuses the certificate without (RFC 7633)
  std::string ocsp;           // what is stapled: kFetchOcsp, a file's path, or (empty) nothing
  std::shared_ptr<StapleSlot> staple = std::make_shared<StapleSlot>();
};

// The responder's answers, fetched by this process.
constexpr std::string_view kFetchOcsp = "fetch";

// Errors name the file and what to do: missing, not PEM, encrypted key, key of another certificate.
// Both files may be the same. `keys`: of the default library context. A certificate that has expired loads: see expiry_warning.
Result<std::shared_ptr<const Certificate>> load_certificate(const std::string& name, const std::string& chain_path,
                                                            const std::string& key_path, KeyReader& keys,
                                                            const std::string& ocsp = {});

// Empty, or one sentence: it is to be stapled, could be, and there is nothing to staple.
std::string staple_warning(const Certificate& certificate, Certificate::Time now);
// Empty, or one sentence: expired, not valid yet, or expires within `ahead`.
std::string expiry_warning(const Certificate& certificate, Certificate::Time now,
                           std::chrono::days ahead = std::chrono::days(14));

}  // namespace cardea::l7::tls
