// The plan in force with certificates whose files have changed since they were read.
#include <algorithm>
#include <map>

#include "base/log.h"
#include "l7/plan/load.h"

namespace cardea::l7 {
namespace {

using CertificatePointer = std::shared_ptr<const tls::Certificate>;
using Renewed = std::map<CertificatePointer, CertificatePointer>;

// A file that cannot be used leaves the certificate that is served, and is looked at again when it changes again.
CertificatePointer renew(const CertificatePointer& certificate, CertificateStore& store) {
  auto loaded = store.renew(certificate);
  if (!loaded) {
    log::warning("{}; the certificate that was read before is served", loaded.error().message);
    return certificate;
  }
  if (*loaded != certificate)
    log::info("certificate {} has changed: it is served as its files have it now", certificate->name);
  return std::move(*loaded);
}

// Of all services, who share them.
Renewed renew_all(const LivePlan& running, CertificateStore& store) {
  Renewed renewed;
  for (const auto& service : running.services)
    for (const auto& certificate : service->certificates)
      if (auto [place, fresh] = renewed.emplace(certificate, nullptr); fresh) place->second = renew(certificate, store);
  return renewed;
}

}  // namespace

std::shared_ptr<const LivePlan> with_renewed_certificates(const LivePlan& running, PlanResources& resources) {
  const Renewed renewed = renew_all(running, resources.certificates);
  if (std::ranges::all_of(renewed, [](const auto& pair) { return pair.first == pair.second; })) return nullptr;
  auto plan = std::make_shared<LivePlan>(running);
  for (auto& service : plan->services) {
    auto its = std::make_shared<ServicePlan>(*service);
    for (auto& certificate : its->certificates) certificate = renewed.at(certificate);
    if (its->certificates != service->certificates) service = std::move(its);
  }
  return plan;
}

}  // namespace cardea::l7
