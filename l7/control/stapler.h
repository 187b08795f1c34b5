// What is stapled to handshakes: for each certificate whose service wants it the answer of its OCSP responder, or what an
// operator's file holds. Answers are fetched by a thread of this one's, one after another, renewed when half of their time
// is over, and kept in a folder, so that a restart staples at once and a responder that is away is not missed until
// they end. Nothing is stapled that was not checked. Control thread only, which waits for nobody.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "l7/plan/file_identity.h"
#include "l7/plan/live_plan.h"
#include "l7/tls/staple.h"

namespace cardea::l7 {

class Stapler {
 public:
  using Fetch = std::function<Result<std::string>(const std::string& url, std::string_view question)>;
  struct Figures {
    uint64_t fetches = 0, failures = 0;
  };

  // `folder`: where answers are kept; it is made when there is one.
  Stapler(std::string folder, Fetch fetch);
  explicit Stapler(std::string folder);
  ~Stapler();  // waits for the question that is under way, which has a deadline
  Stapler(const Stapler&) = delete;

  // Once a second: takes what came, asks for what is due. `today` is the wall clock's.
  void tick(const LivePlan& plan, Instant now, tls::Staple::Time today);
  const Figures& figures() const { return figures_; }

 private:
  using CertificatePointer = std::shared_ptr<const tls::Certificate>;
  struct Subject {
    CertificatePointer certificate;
    Instant due{};                 // the next look or question
    std::chrono::seconds pause{};  // behind failures
    FileIdentity file{};
    bool asked = false, known = false;
    std::string complaint;  // the last; the same is not said twice
  };
  struct Question {
    CertificatePointer certificate;
    std::string der;
    Result<std::string> answer = std::string();
  };

  void keep_up(const LivePlan& plan);
  void look(Subject& subject, Instant now, tls::Staple::Time today);
  void look_at_file(Subject& subject, Instant now, tls::Staple::Time today);
  void restore(Subject& subject, tls::Staple::Time today);
  void ask(Subject& subject, Instant now);
  void take_answers(Instant now, tls::Staple::Time today);
  void take(Subject& subject, const Question& question, Instant now, tls::Staple::Time today);
  void failed(Subject& subject, const std::string& why, Instant now);
  void complain(Subject& subject, const std::string& why);
  std::string path_of(const tls::Certificate& certificate) const;
  void store(const tls::Certificate& certificate, const tls::Staple& staple);
  void work();

  const std::string folder_;
  const Fetch fetch_;
  std::map<const tls::Certificate*, Subject> subjects_;
  Figures figures_;

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Question> questions_;
  std::vector<Question> answers_;
  bool stop_ = false;
  std::thread thread_;  // from the first question on
};

}  // namespace cardea::l7
