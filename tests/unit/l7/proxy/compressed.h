// A site all of whose routes compress.
#pragma once

#include "tests/unit/l7/proxy/site.h"

namespace cardea::l7::proxy::test {

inline Site::Change compressing(const Site::Change& more) {
  return [more](image::PlanT& plan) {
    if (more) more(plan);
    for (auto& route : plan.services[0]->routes) {
      route->policies = std::make_unique<settings::PoliciesT>();
      auto compress = std::make_unique<settings::CompressionT>();
      compress->encodings = {"br", "zstd", "gzip"}, compress->types = {"text/html", "text/event-stream"};
      route->policies->compress = std::move(compress);
    }
  };
}

struct Compressed : Site {
  explicit Compressed(const Change& change = {}) : Site(compressing(change)) {}
};

}  // namespace cardea::l7::proxy::test
