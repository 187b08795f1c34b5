// cardea-waf, as cardea-l7's control sees it: which rules it is to load, and how it does. A thread of its own keeps the
// connection, asks once a second, and gives a cardea-waf that was started anew the rules of the plan in force; so no
// answer of that process is waited for by anybody but who hands over a plan with other rules.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7 {

class WafLink {
 public:
  explicit WafLink(const std::string& run_directory);
  WafLink(const WafLink&) = delete;
  ~WafLink();

  // Where shards ask.
  std::string questions() const { return directory_ + "/waf-questions.sock"; }
  // An Error: these rules were refused, and those before them are in force, where there are any; at a start they are tried
  // again now and then. That nobody is there is none: it loads them when it comes.
  Result<> load(const WafPlan& plan, bool starts);

  bool needed() const;
  std::string said() const;   // JSON; empty: nothing yet
  std::string state() const;  // "working", or what is wrong, for people

 private:
  void keep();
  void look();
  Result<std::string> ask(const std::string& question, std::chrono::milliseconds patience);
  Result<> tell_rules(const std::string& question);

  const std::string directory_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string rules_;        // the question that loads them; empty: none are needed
  std::string said_, trouble_ = "not asked yet";
  Instant again_{};          // when rules that were refused are tried next
  uint64_t pid_ = 0;         // of the cardea-waf that has them
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace cardea::l7
