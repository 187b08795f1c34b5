#include "l7/plan/certificate_store.h"

#include "base/log.h"

namespace cardea::l7 {

Result<std::shared_ptr<const tls::Certificate>> CertificateStore::load(const std::string& name,
                                                                       const std::string& cert_path,
                                                                       const std::string& key_path,
                                                                       const std::string& ocsp) {
  // Before reading: a file that changes meanwhile looks changed to the next plan.
  const FileIdentity cert = FileIdentity::of(cert_path), key = FileIdentity::of(key_path);
  Entry& entry = entries_[{cert_path, key_path, ocsp}];
  if (entry.certificate && entry.cert == cert && entry.key == key && entry.certificate->name == name)
    return entry.certificate;
  auto loaded = tls::load_certificate(name, cert_path, key_path, keys_, ocsp);
  if (!loaded) return loaded;
  entry = {.cert = cert, .key = key, .certificate = *loaded};
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  if (const std::string warning = tls::expiry_warning(**loaded, now); !warning.empty()) log::warning("{}", warning);
  return loaded;
}

std::map<CertificateStore::Pointer, CertificateStore::Pointer> CertificateStore::renew() {
  std::map<Pointer, Pointer> renewed;
  for (auto& [paths, entry] : entries_) {
    const FileIdentity cert = FileIdentity::of(paths[0]), key = FileIdentity::of(paths[1]);
    if ((cert == entry.cert && key == entry.key) || (cert == entry.bad_cert && key == entry.bad_key)) continue;
    const Pointer before = entry.certificate;
    if (!before) continue;
    if (auto loaded = load(before->name, paths[0], paths[1], paths[2])) {
      renewed.emplace(before, std::move(*loaded));
      log::info("certificate {} has changed: it was read again", before->name);
    } else {
      entry.bad_cert = cert, entry.bad_key = key;
      log::warning("{}; the certificate that was read before is used", loaded.error().message);
    }
  }
  return renewed;
}

void CertificateStore::trim() {
  std::erase_if(entries_, [](const auto& entry) {
    return !entry.second.certificate || entry.second.certificate.use_count() == 1;
  });
}

}  // namespace cardea::l7
