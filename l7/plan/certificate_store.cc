#include "l7/plan/certificate_store.h"

#include <algorithm>

#include "base/log.h"

namespace cardea::l7 {

Result<std::shared_ptr<const tls::Certificate>> CertificateStore::load(const std::string& name,
                                                                       const std::string& cert_path,
                                                                       const std::string& key_path) {
  // Before reading: a file that changes meanwhile looks changed to the next plan.
  const FileIdentity cert = FileIdentity::of(cert_path), key = FileIdentity::of(key_path);
  Entry& entry = entries_[{cert_path, key_path}];
  if (entry.certificate && entry.cert == cert && entry.key == key && entry.certificate->name == name)
    return entry.certificate;
  auto loaded = tls::load_certificate(name, cert_path, key_path, keys_);
  if (!loaded) return loaded;
  entry = {.cert = cert, .key = key, .certificate = *loaded};
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  if (const std::string warning = tls::expiry_warning(**loaded, now); !warning.empty()) log::warning("{}", warning);
  return loaded;
}

Result<std::shared_ptr<const tls::Certificate>> CertificateStore::renew(
    const std::shared_ptr<const tls::Certificate>& certificate) {
  const auto found = std::ranges::find_if(entries_, [&](const auto& its) { return its.second.certificate == certificate; });
  if (found == entries_.end()) return certificate;
  const auto& [cert_path, key_path] = found->first;
  const FileIdentity cert = FileIdentity::of(cert_path), key = FileIdentity::of(key_path);
  Entry& entry = found->second;
  if ((cert == entry.cert && key == entry.key) || (cert == entry.bad_cert && key == entry.bad_key)) return certificate;
  auto loaded = load(certificate->name, cert_path, key_path);
  if (!loaded) entry.bad_cert = cert, entry.bad_key = key;
  return loaded;
}

void CertificateStore::trim() {
  std::erase_if(entries_, [](const auto& entry) {
    return !entry.second.certificate || entry.second.certificate.use_count() == 1;
  });
}

}  // namespace cardea::l7
