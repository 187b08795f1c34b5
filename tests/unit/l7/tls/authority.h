// A certificate authority for tests: makes keys and certificates in memory and as files in a folder of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "l7/tls/certificate.h"

namespace cardea::l7::tls {

struct LeafOptions {
  std::vector<std::string> names;  // alternative names; the first is the common name
  bool rsa = false;
  unsigned rsa_bits = 2048;
  bool alternative_names = true;
  int days_from = -1, days_to = 30;  // from today
  std::string responder;             // of OCSP
  bool must_staple = false;
  bool with_issuer = false;          // whose certificate follows in the file
  std::string usage;                 // extendedKeyUsage
};

class Authority {
 public:
  Authority();
  ~Authority();

  // Files NAME.crt and NAME.key.
  void issue(const std::string& name, const LeafOptions& options);
  std::shared_ptr<const Certificate> load(const std::string& name) const;
  std::shared_ptr<const Certificate> issued(const std::string& name, const LeafOptions& options) {
    issue(name, options);
    return load(name);
  }
  // What this authority's responder says of it, from then to then, in seconds from now: signed by itself, or by whom it
  // issued `signer`.
  enum class Status { kGood, kRevoked, kUnknown };
  std::string ocsp_answer(const Certificate& about, Status status = Status::kGood, int from = -60, int to = 3600,
                          const Certificate* signer = nullptr) const;
  void write(const std::string& file, const std::string& text) const;
  std::string read(const std::string& file) const;
  std::string path(const std::string& file) const { return (folder_ / file).string(); }
  std::string own_certificate() const { return path("authority.crt"); }

 private:
  struct Own;
  std::filesystem::path folder_;
  std::unique_ptr<Own> own_;
  long serial_ = 1;
};

}  // namespace cardea::l7::tls
