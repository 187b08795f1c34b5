// The plan in force with certificates whose files have changed since they were read.
#include "l7/plan/load.h"

namespace cardea::l7 {

std::shared_ptr<const LivePlan> with_renewed_certificates(const LivePlan& running, PlanResources& resources) {
  const auto renewed = resources.certificates.renew();
  if (renewed.empty()) return nullptr;
  std::shared_ptr<LivePlan> plan;
  for (size_t i = 0; i < running.services.size(); ++i) {
    auto certificates = running.services[i]->certificates;
    for (auto& certificate : certificates)
      if (const auto found = renewed.find(certificate); found != renewed.end()) certificate = found->second;
    if (certificates == running.services[i]->certificates) continue;
    if (!plan) plan = std::make_shared<LivePlan>(running);
    auto service = std::make_shared<ServicePlan>(*running.services[i]);
    service->certificates = std::move(certificates);
    plan->services[i] = std::move(service);
  }
  return plan;
}

}  // namespace cardea::l7
