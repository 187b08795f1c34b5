// Certificates as files, read once: as long as neither file of a certificate changes (device, inode, size, time), a plan
// gets the same object, and what shards made of it stays. Control thread only.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "l7/plan/file_identity.h"
#include "l7/tls/certificate.h"
#include "l7/tls/pem.h"

namespace cardea::l7 {

class CertificateStore {
 public:
  // An Error names the file and what to do.
  Result<std::shared_ptr<const tls::Certificate>> load(const std::string& name, const std::string& cert_path,
                                                       const std::string& key_path, const std::string& ocsp = {});
  // Those whose files have changed since they were read: what they were, and what they are now. Files that cannot be used
  // are told once for each change, and leave the certificate that was read before.
  using Pointer = std::shared_ptr<const tls::Certificate>;
  std::map<Pointer, Pointer> renew();
  // Forgets what no plan holds any more.
  void trim();

 private:
  struct Entry {
    FileIdentity cert, key;
    std::shared_ptr<const tls::Certificate> certificate;
    FileIdentity bad_cert = {}, bad_key = {};  // that a renewal could not use
  };

  std::map<std::array<std::string, 3>, Entry> entries_;  // by both paths, and what is stapled
  tls::KeyReader keys_{nullptr};
};

}  // namespace cardea::l7
