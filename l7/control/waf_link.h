// cardea-waf, as cardea-l7's control sees it: which rules it is to load, and how it does. A thread of its own keeps the
// connection, asks once a second, and gives a cardea-waf that has not all rules of the plan in force those rules; so no
// answer of that process is waited for by anybody but who hands over a plan. Nor is one believed that is not of its form:
// what runs there has read what clients send.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/control_socket.h"
#include "base/error.h"
#include "l7/plan/live_plan.h"

namespace cardea::l7 {

class WafLink {
 public:
  // Its sockets are in a folder of its own beside ours: RUN-waf.
  explicit WafLink(const std::string& run_directory);
  WafLink(const WafLink&) = delete;
  ~WafLink();

  // Where shards ask.
  std::string questions() const { return directory_ + "/waf-questions.sock"; }
  // Loads the rules of a plan that is to come into force, beside those of the one in force. An Error: they were refused, or
  // are not there yet; at a start they are tried again now and then. That nobody is there is none: it loads them when it comes.
  Result<> load(const WafPlan& next, bool starts);
  void adopt(const WafPlan& plan);  // it has come into force

  bool needed() const;
  std::string said() const;   // JSON; empty: nothing yet
  std::string state() const;  // "working", or what is wrong, for people

 private:
  void keep();
  void look();
  control::Outcome<std::string> ask(const std::string& question, std::chrono::milliseconds patience);
  Result<> tell_rules(const std::string& question);
  void note_trouble(const std::string& why);

  const std::string directory_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  WafPlan plan_;             // in force; without sets: nothing is needed
  std::string said_, trouble_ = "not asked yet";
  Instant again_{};          // when rules that were refused are tried next
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace cardea::l7
