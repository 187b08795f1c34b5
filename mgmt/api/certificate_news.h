// What a reload made of the certificates that cardea-l7 serves, of its own answers before and after: a file that was
// replaced under its name is no change of the configuration, and who replaced it wants to know whether it is served.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "conf/config.h"
#include "conf/finding.h"

namespace cardea::mgmt::api {

struct CertificateNews {
  std::vector<std::string> changes;  // a line for each file, the first 20
  conf::Findings findings;           // those that end soon or have, and hosts of routes that none is for
};

// `before`, `after`: answers to the question "certs"; `config`: in force after.
CertificateNews certificate_news(const std::string& before, const std::string& after, const conf::Config& config);

// What the last reload told of. cardea-l7 reads a replaced file within seconds, so that who reloads behind that would hear
// nothing by comparing its answers from before the reload and after. Any thread.
class ToldCertificates {
 public:
  CertificateNews news(const std::string& before, const std::string& after, const conf::Config& config);

 private:
  std::mutex mutex_;
  std::string last_;  // empty: there was no reload yet
};

}  // namespace cardea::mgmt::api
