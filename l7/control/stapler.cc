#include "l7/control/stapler.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/log.h"
#include "l7/tls/certificate.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using tls::Staple;

constexpr auto kLookAgain = 5s;   // at an operator's file
constexpr auto kTimeout = 5s;     // of a question
constexpr auto kTidyAgain = 24h;  // what is kept of certificates that are gone
constexpr seconds kPauseMin = 10s, kPauseMax = 600s;  // behind failures
constexpr seconds kRenewAfterMin = 10s, kRenewAfterMax = 12h;

}  // namespace

Stapler::Stapler(std::string folder, uint64_t seed, OcspAsker::Fetch fetch)
    : kept_(std::move(folder)), random_(seed), asker_(std::move(fetch)) {}

Stapler::Stapler(std::string folder, uint64_t seed)
    : Stapler(std::move(folder), seed, [](const std::string& url, std::string_view question, int stop) {
        return fetch_ocsp(url, question, kTimeout, stop);
      }) {}

void Stapler::tick(const LivePlan& plan, Instant now, Staple::Time today) {
  keep_up(plan, now);
  take_answers(now, today);
  reads_left_ = kReadAtOnce;
  for (auto& [certificate, subject] : subjects_) {
    drop_ended(subject, now, today);
    if (now >= subject.due && !subject.asked) look(subject, now, today);
  }
}

// By a clock that was set it may end long before it was to be renewed.
void Stapler::drop_ended(Subject& subject, Instant now, Staple::Time today) {
  tls::StapleSlot& slot = *subject.certificate->staple;
  const auto held = slot.get();
  if (!held || held->next_update > today) return;
  slot.set(nullptr);
  subject.due = std::max(now, subject.pause.until);
}

// Those of the plan, each once. Whoever names no responder is not asked about.
void Stapler::keep_up(const LivePlan& plan, Instant now) {
  std::set<const tls::Certificate*> wanted;
  for (const auto& service : plan.services)
    for (const auto& certificate : service->certificates) {
      const bool fetch = certificate->ocsp == tls::kFetchOcsp;
      if (fetch ? certificate->responder.empty() : certificate->ocsp.empty()) continue;
      wanted.insert(certificate.get());
      if (!subjects_.contains(certificate.get())) subjects_[certificate.get()].certificate = certificate;
    }
  std::erase_if(subjects_, [&](const auto& one) { return !wanted.contains(one.first); });
  tidy(now);
}

void Stapler::tidy(Instant now) {
  if (tidied_ != Instant{} && now - tidied_ < kTidyAgain) return;
  tidied_ = now;
  std::set<std::string> names, responders;
  for (const auto& [certificate, subject] : subjects_) {
    names.insert(KeptStaples::name_of(*certificate));
    responders.insert(certificate->responder);
  }
  kept_.keep_only(names);
  std::erase_if(away_, [&](const auto& one) { return !responders.contains(one.first); });
}

void Stapler::look(Subject& subject, Instant now, Staple::Time today) {
  if (subject.certificate->ocsp != tls::kFetchOcsp) return look_at_file(subject, now, today);
  if (!subject.known) return restore(subject, now, today);
  const std::string& responder = subject.certificate->responder;
  const auto away = away_.find(responder);
  if (away != away_.end() && now < away->second.until) return;
  if (asker_.has_room(responder)) ask(subject, now);
}

void Stapler::look_at_file(Subject& subject, Instant now, Staple::Time today) {
  const tls::Certificate& certificate = *subject.certificate;
  const FileIdentity file = FileIdentity::of(certificate.ocsp);
  // What was refused may have been so by a clock that was wrong.
  const bool same = file == subject.file && subject.known && certificate.staple->get();
  if (!same && reads_left_-- <= 0) return;
  subject.due = now + kLookAgain;
  if (same) return;
  subject.file = file, subject.known = true;
  const auto text = read_staple_file(certificate.ocsp);
  if (!text) return complain(subject, text.error().message);
  auto staple = tls::read_staple(*text, certificate, today);
  if (!staple) return refused(subject, staple.error(), today);
  certificate.staple->set(std::move(*staple));
  certificate.staple->set_problem({});
}

// What the process before this one was answered.
void Stapler::restore(Subject& subject, Instant now, Staple::Time today) {
  if (reads_left_-- <= 0) return;
  subject.known = true;
  const tls::Certificate& certificate = *subject.certificate;
  if (const auto text = kept_.read(KeptStaples::name_of(certificate)))
    if (auto staple = tls::read_staple(*text, certificate, today)) {
      subject.due = now + renew_after(**staple, today);
      return certificate.staple->set(std::move(*staple));
    }
  look(subject, now, today);
}

void Stapler::ask(Subject& subject, Instant now) {
  auto question = tls::staple_question(*subject.certificate);
  if (!question) {
    ++figures_.failures;
    put_off(subject.pause, now);
    subject.due = subject.pause.until;
    return complain(subject, question.error().message);
  }
  subject.asked = true;
  ++figures_.fetches;
  asker_.ask({subject.certificate, std::move(*question)});
}

void Stapler::take_answers(Instant now, Staple::Time today) {
  for (const OcspAsker::Question& one : asker_.take_answers()) {
    const std::string& responder = one.certificate->responder;
    if (one.answer || !one.answer.error().away)
      away_.erase(responder);
    else if (Pause& pause = away_[responder]; now >= pause.until)
      put_off(pause, now);
    const auto subject = subjects_.find(one.certificate.get());
    if (subject != subjects_.end()) take(subject->second, one, now, today);
  }
}

// A revoked certificate's last good answer is not stapled any more; for any other failure it is, until it ends.
void Stapler::take(Subject& subject, const OcspAsker::Question& question, Instant now, Staple::Time today) {
  subject.asked = false;
  const tls::Certificate& certificate = *subject.certificate;
  auto staple = question.answer ? tls::read_staple(*question.answer, certificate, today)
                                : std::unexpected(tls::NotStapled{question.answer.error().why});
  if (!staple) {
    ++figures_.failures;
    // All of a responder's wait while it is away; then others are asked about before those that it did not answer.
    const bool is_away = !question.answer && question.answer.error().away;
    if (!is_away) put_off(subject.pause, now);
    subject.due = is_away ? now + kPauseMin : subject.pause.until;
    return refused(subject, staple.error(), today);
  }
  take_good(subject, std::move(*staple), today);
  const auto held = certificate.staple->get();
  subject.pause = {};
  if (!held) put_off(subject.pause, now);
  subject.due = held ? now + renew_after(*held, today) : subject.pause.until;
}

// Answers are nobody's secret and hold for days: an older one may be put in the way of a newer, or of a revocation.
void Stapler::take_good(Subject& subject, std::shared_ptr<const Staple> staple, Staple::Time today) {
  const tls::Certificate& certificate = *subject.certificate;
  const auto held = certificate.staple->get(today);
  if (staple->this_update < subject.revoked) return complain(subject, "the answer is older than the one that says it is revoked");
  if (held && held->this_update > staple->this_update) return;
  if (const auto done = kept_.write(KeptStaples::name_of(certificate), staple->der); !done)
    log::warning("an OCSP answer is not kept for the next start: {}", done.error().message);
  certificate.staple->set(std::move(staple));
  certificate.staple->set_problem({});
}

void Stapler::refused(Subject& subject, const tls::NotStapled& refused, Staple::Time today) {
  if (refused.revoked) {
    subject.revoked = today;
    subject.certificate->staple->set(nullptr);
    kept_.remove(KeptStaples::name_of(*subject.certificate));
  }
  complain(subject, refused.why);
}

void Stapler::complain(Subject& subject, const std::string& why) {
  tls::StapleSlot& slot = *subject.certificate->staple;
  if (why == slot.problem()) return;  // it was said
  slot.set_problem(why);
  log::warning("certificate {}: no new OCSP answer to staple: {}", subject.certificate->name, why);
}

void Stapler::put_off(Pause& pause, Instant now) {
  pause.last = std::clamp(2 * pause.last, kPauseMin, kPauseMax);
  pause.until = now + pause.last + spread(pause.last / 4);
}

// Half of its time is over then, so that a responder may be away for the other half; a tenth earlier at most, so that what
// was asked together is not asked together for ever. A responder that gives out what it made long ago is asked again
// when half of what is left is over.
seconds Stapler::renew_after(const Staple& staple, Staple::Time today) {
  const seconds half = staple.this_update + (staple.next_update - staple.this_update) / 2 - today;
  const seconds after = half > 0s ? half : (staple.next_update - today) / 2;
  const seconds bounded = std::clamp(after, kRenewAfterMin, seconds(kRenewAfterMax));
  return bounded - spread(bounded / 10);
}

seconds Stapler::spread(seconds most) {
  return seconds(random_.below(uint64_t(most.count()) + 1));
}

}  // namespace cardea::l7
