#include "l7/control/stapler.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

#include "base/file_descriptor.h"
#include "base/log.h"
#include "l7/control/ocsp_fetch.h"
#include "l7/tls/certificate.h"

namespace cardea::l7 {
namespace {

using namespace std::chrono_literals;
using tls::Staple;

constexpr auto kLookAgain = 5s;          // at an operator's file
constexpr std::chrono::seconds kTimeout = 5s;
constexpr std::chrono::seconds kPauseMin = 60s, kPauseMax = 3600s;  // behind failures
constexpr std::chrono::seconds kRenewAfterMax = 12h;

// Half of its time is over then; no later, so that a responder may be away for the other half.
std::chrono::seconds renew_after(const Staple& staple, Staple::Time today) {
  const auto half = staple.this_update + (staple.next_update - staple.this_update) / 2;
  return std::clamp(std::chrono::seconds(half - today), 1s, std::chrono::seconds(kRenewAfterMax));
}

Result<std::string> read_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno("open " + path);
  std::string text(tls::kStapleBytesMax + 1, '\0');
  size_t size = 0;
  for (ssize_t got = 1; got > 0 && size < text.size(); size += size_t(std::max<ssize_t>(got, 0))) {
    got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0) return fail_errno("read " + path);
  }
  text.resize(size);
  return text;
}

// Whole or not at all, whenever the host dies.
Result<> write_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new";
  const FileDescriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!file) return fail_errno("open " + fresh);
  if (::write(file.get(), text.data(), text.size()) != ssize_t(text.size()) || ::fsync(file.get()) != 0)
    return fail_errno("write " + fresh);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return fail_errno("rename " + fresh);
  return {};
}

}  // namespace

Stapler::Stapler(std::string folder, Fetch fetch) : folder_(std::move(folder)), fetch_(std::move(fetch)) {}

Stapler::Stapler(std::string folder)
    : Stapler(std::move(folder), [](const std::string& url, std::string_view question) {
        return fetch_ocsp(url, question, kTimeout);
      }) {}

Stapler::~Stapler() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Stapler::tick(const LivePlan& plan, Instant now, Staple::Time today) {
  keep_up(plan);
  take_answers(now, today);
  for (auto& [certificate, subject] : subjects_) {
    if (const auto held = certificate->staple->get(); held && held->next_update <= today) certificate->staple->set(nullptr);
    if (now >= subject.due && !subject.asked) look(subject, now, today);
  }
}

// Those of the plan, each once.
void Stapler::keep_up(const LivePlan& plan) {
  std::set<const tls::Certificate*> wanted;
  for (const auto& service : plan.services)
    for (const auto& certificate : service->certificates) {
      if (certificate->ocsp.empty()) continue;
      wanted.insert(certificate.get());
      if (!subjects_.contains(certificate.get())) subjects_[certificate.get()].certificate = certificate;
    }
  std::erase_if(subjects_, [&](const auto& one) { return !wanted.contains(one.first); });
}

void Stapler::look(Subject& subject, Instant now, Staple::Time today) {
  if (subject.certificate->ocsp != tls::kFetchOcsp) return look_at_file(subject, now, today);
  if (!std::exchange(subject.known, true)) {
    restore(subject, today);
    if (const auto held = subject.certificate->staple->get(today)) {
      subject.due = now + renew_after(*held, today);
      if (subject.due > now + 1s) return;
    }
  }
  ask(subject, now);
}

void Stapler::look_at_file(Subject& subject, Instant now, Staple::Time today) {
  subject.due = now + kLookAgain;
  const tls::Certificate& certificate = *subject.certificate;
  const FileIdentity file = FileIdentity::of(certificate.ocsp);
  if (file == subject.file && subject.known) return;
  subject.file = file, subject.known = true;
  const auto text = read_file(certificate.ocsp);
  if (!text) return complain(subject, text.error().message);
  auto staple = tls::read_staple(*text, certificate, today);
  if (!staple) {
    if (staple.error().revoked) certificate.staple->set(nullptr);
    return complain(subject, certificate.ocsp + ": " + staple.error().why);
  }
  certificate.staple->set(std::move(*staple));
  subject.complaint.clear();
}

// What the process before this one was answered.
void Stapler::restore(Subject& subject, Staple::Time today) {
  const auto text = read_file(path_of(*subject.certificate));
  if (!text) return;
  auto staple = tls::read_staple(*text, *subject.certificate, today);
  if (staple) subject.certificate->staple->set(std::move(*staple));
}

void Stapler::ask(Subject& subject, Instant now) {
  const tls::Certificate& certificate = *subject.certificate;
  if (certificate.responder.empty()) return failed(subject, "the certificate names no responder", now);
  auto question = tls::staple_question(certificate);
  if (!question) return failed(subject, question.error().message, now);
  subject.asked = true;
  ++figures_.fetches;
  const std::lock_guard lock(mutex_);
  questions_.push_back({subject.certificate, std::move(*question)});
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  changed_.notify_one();
}

void Stapler::take_answers(Instant now, Staple::Time today) {
  std::vector<Question> answers;
  {
    const std::lock_guard lock(mutex_);
    answers.swap(answers_);
  }
  for (const Question& one : answers) {
    const auto subject = subjects_.find(one.certificate.get());
    if (subject != subjects_.end()) take(subject->second, one, now, today);
  }
}

// A revoked certificate's last good answer is not stapled any more; for any other failure it is, until it ends.
void Stapler::take(Subject& subject, const Question& question, Instant now, Staple::Time today) {
  subject.asked = false;
  const tls::Certificate& certificate = *subject.certificate;
  if (!question.answer) return failed(subject, question.answer.error().message, now);
  auto staple = tls::read_staple(*question.answer, certificate, today);
  if (!staple) {
    if (staple.error().revoked) certificate.staple->set(nullptr);
    return failed(subject, staple.error().why, now);
  }
  subject.due = now + renew_after(**staple, today);
  subject.pause = {};
  subject.complaint.clear();
  store(certificate, **staple);
  certificate.staple->set(std::move(*staple));
}

void Stapler::failed(Subject& subject, const std::string& why, Instant now) {
  ++figures_.failures;
  subject.pause = std::clamp(2 * subject.pause, kPauseMin, kPauseMax);
  subject.due = now + subject.pause;
  complain(subject, why);
}

void Stapler::complain(Subject& subject, const std::string& why) {
  if (why == subject.complaint) return;
  subject.complaint = why;
  log::warning("certificate {}: no OCSP answer to staple: {}", subject.certificate->name, why);
}

std::string Stapler::path_of(const tls::Certificate& certificate) const {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(certificate.chain_pem.data()), certificate.chain_pem.size(), digest.data());
  std::string name = folder_ + "/";
  for (size_t i = 0; i < 16; ++i) name += fmt::format("{:02x}", digest[i]);
  return name + ".der";
}

void Stapler::store(const tls::Certificate& certificate, const Staple& staple) {
  ::mkdir(folder_.c_str(), 0750);
  if (const auto done = write_file(path_of(certificate), staple.der); !done)
    log::warning("an OCSP answer is not kept for the next start: {}", done.error().message);
}

void Stapler::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stop_ || !questions_.empty(); });
    if (stop_) return;
    Question question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    question.answer = fetch_(question.certificate->responder, question.der);
    lock.lock();
    answers_.push_back(std::move(question));
  }
}

}  // namespace cardea::l7
