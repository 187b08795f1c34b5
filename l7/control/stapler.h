// What is stapled to handshakes: for each certificate whose service wants it the answer of its OCSP responder, or what an
// operator's file holds. Answers are renewed when about half of their time is over and kept in a folder, so that a restart
// staples at once and a responder that is away is not missed until they end. Nothing is stapled that was not checked.
// Control thread only, which waits for nobody: others ask (ocsp_asker.h), and each tick checks a bounded number of answers.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "l7/control/kept_staples.h"
#include "l7/control/ocsp_asker.h"
#include "l7/plan/file_identity.h"
#include "l7/plan/live_plan.h"
#include "l7/tls/staple.h"

namespace cardea::l7 {

class Stapler {
 public:
  struct Figures {
    uint64_t fetches = 0, failures = 0;
  };
  static constexpr int kReadAtOnce = 256;  // answers that files hold, each a quarter of a millisecond

  // `folder`: where answers are kept; it is made when there is one. `seed`: of what spreads questions over time.
  Stapler(std::string folder, uint64_t seed, OcspAsker::Fetch fetch);
  Stapler(std::string folder, uint64_t seed);

  // Before a plan is published and about once a second: takes what came, asks for what is due. `today` is the wall clock's.
  void tick(const LivePlan& plan, Instant now, tls::Staple::Time today);
  const Figures& figures() const { return figures_; }

 private:
  using Seconds = std::chrono::seconds;
  struct Pause {  // behind failures
    Instant until{};
    Seconds last{};
  };
  struct Subject {
    std::shared_ptr<const tls::Certificate> certificate;
    Instant due{};  // the next look or question
    Pause pause;
    FileIdentity file{};
    tls::Staple::Time revoked{};  // when a responder last said that it is
    bool asked = false, known = false;
  };

  void keep_up(const LivePlan& plan, Instant now);
  void tidy(Instant now);
  void drop_ended(Subject& subject, Instant now, tls::Staple::Time today);
  void look(Subject& subject, Instant now, tls::Staple::Time today);
  void look_at_file(Subject& subject, Instant now, tls::Staple::Time today);
  void restore(Subject& subject, Instant now, tls::Staple::Time today);
  void ask(Subject& subject, Instant now);
  void take_answers(Instant now, tls::Staple::Time today);
  void take(Subject& subject, const OcspAsker::Question& question, Instant now, tls::Staple::Time today);
  void take_good(Subject& subject, std::shared_ptr<const tls::Staple> staple, tls::Staple::Time today);
  void refused(Subject& subject, const tls::NotStapled& refused, tls::Staple::Time today);
  void complain(Subject& subject, const std::string& why);
  void put_off(Pause& pause, Instant now);
  Seconds renew_after(const tls::Staple& staple, tls::Staple::Time today);
  Seconds spread(Seconds most);

  const KeptStaples kept_;
  Random random_;
  std::map<const tls::Certificate*, Subject> subjects_;
  std::map<std::string, Pause> away_;  // responders, by their URL
  Figures figures_;
  Instant tidied_{};
  int reads_left_ = 0;  // of this tick
  OcspAsker asker_;
};

}  // namespace cardea::l7
