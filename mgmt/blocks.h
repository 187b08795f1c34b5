// Who is blocked, as cardea-mgmt carries it: once a second cardea-l7 is asked whom its limits blame, and the dataplane is told
// of everybody who is blocked, when that has changed or another dataplane is there. What is remembered is part of the
// runtime state, so that it outlives this process; each of the others goes on by itself meanwhile. Lives on the event
// loop's thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "mgmt/event_loop.h"
#include "mgmt/exempt.h"
#include "mgmt/plan_link.h"
#include "mgmt/runtime.h"

namespace cardea::mgmt {

// Somebody whom a limit blames.
struct Blame {
  IpAddress source;
  std::chrono::milliseconds time{0};
  std::string limit;
};
std::vector<Blame> blames_from(const std::string& answer);  // cardea-l7's; what makes no sense in it is left out

class Blocks {
 public:
  using Clock = std::chrono::system_clock;
  using Changed = std::move_only_function<void()>;  // what has to be remembered is another

  // `blocks`: of the runtime state.
  Blocks(EventLoop& loop, std::map<IpAddress, Block>& blocks, Changed changed);

  void begin(PlanLink& l7, PlanLink& dataplane);  // asks and tells from now on
  // Another configuration is in force: whom it exempts, or a limit blames that blocks nobody any more, is free at once.
  void take(const conf::Config& config, std::vector<IpAddress> own);

  // What the rest is made of.
  void add(const std::vector<Blame>& blamed, Clock::time_point now);
  void expire(Clock::time_point now);
  bool free(const IpAddress& source);  // false: it is not blocked
  std::string question(Clock::time_point now) const;  // that the dataplane is asked

  // What the dataplane said to that.
  void take_answer(const control::Outcome<std::string>& answer, const PlanLink::Peer& from);

  uint64_t refused() const { return refused_; }  // for want of room
  uint64_t untold() const { return untold_; }    // lists that the dataplane did not take
  const std::string& trouble() const { return trouble_; }  // why it did not take the last one; empty: it did

 private:
  void look();
  void ask_l7();
  void tell_dataplane();
  void change();
  size_t drop_beyond();  // of more than there may be now those that end first

  EventLoop& loop_;
  std::map<IpAddress, Block>& blocks_;
  Changed changed_;
  PlanLink* l7_ = nullptr;
  PlanLink* dataplane_ = nullptr;
  Exempt exempt_;
  size_t sources_max_ = 0;  // 0: nobody is blocked
  std::set<std::string> blocking_;  // limits
  bool news_ = false;       // that the dataplane was not told of
  PlanLink::Peer told_;     // the dataplane that was told last
  bool asking_ = false, telling_ = false;
  uint64_t refused_ = 0, untold_ = 0;
  std::string trouble_;
};

}  // namespace cardea::mgmt
