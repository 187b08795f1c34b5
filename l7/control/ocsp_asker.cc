#include "l7/control/ocsp_asker.h"

#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

#include "base/file_descriptor.h"

namespace cardea::l7 {

struct OcspAsker::State {
  Fetch fetch;
  FileDescriptor stopped;
  std::map<std::string, size_t> open;  // by responder: asked, and not taken yet; the control thread's
  size_t open_sum = 0;

  std::mutex mutex;  // of what follows
  std::condition_variable changed, ended;
  std::deque<Question> waiting;
  std::set<std::string> busy;  // responders that are being asked
  std::vector<Question> answers;
  size_t threads = 0, idle = 0;
  bool stop = false;

  std::optional<Question> next(std::unique_lock<std::mutex>& lock);
  void finish(Question question);
};

// The oldest to a responder that nobody is asking now. Nothing: it is time to end.
std::optional<OcspAsker::Question> OcspAsker::State::next(std::unique_lock<std::mutex>& lock) {
  auto found = waiting.end();
  const auto is_there = [&] {
    found = std::ranges::find_if(waiting, [this](const Question& one) { return !busy.contains(one.certificate->responder); });
    return found != waiting.end();
  };
  ++idle;
  changed.wait(lock, [&] { return stop || is_there(); });
  --idle;
  if (stop) return std::nullopt;
  Question question = std::move(*found);
  waiting.erase(found);
  busy.insert(question.certificate->responder);
  return question;
}

void OcspAsker::State::finish(Question question) {
  const std::string responder = question.certificate->responder;
  busy.erase(responder);
  if (!question.answer && question.answer.error().away) {
    std::erase_if(waiting, [&](Question& one) {
      if (one.certificate->responder != responder) return false;
      answers.push_back({std::move(one.certificate), {}, question.answer});
      return true;
    });
  }
  answers.push_back(std::move(question));
  changed.notify_one();
}

OcspAsker::OcspAsker(Fetch fetch) : state_(std::make_shared<State>()) {
  state_->fetch = std::move(fetch);
  state_->stopped = FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

OcspAsker::~OcspAsker() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  if (state_->stopped) (void)::eventfd_write(state_->stopped.get(), 1);
  state_->changed.notify_all();
  state_->ended.wait_for(lock, std::chrono::seconds(1), [this] { return state_->threads == 0; });
}

bool OcspAsker::has_room(const std::string& responder) const {
  const auto its = state_->open.find(responder);
  return state_->open_sum < kOpenMax && (its == state_->open.end() || its->second < kOpenOfOneMax);
}

void OcspAsker::ask(Question question) {
  ++state_->open[question.certificate->responder];
  ++state_->open_sum;
  const std::lock_guard lock(state_->mutex);
  state_->waiting.push_back(std::move(question));
  state_->changed.notify_one();
  if (state_->idle > 0 || state_->threads == kThreads) return;
  try {
    std::thread([state = state_] { work(state); }).detach();
    ++state_->threads;
  } catch (const std::system_error& error) {
    if (state_->threads > 0) return;  // another comes to it
    Question refused = std::move(state_->waiting.back());
    state_->waiting.pop_back();
    refused.answer = std::unexpected(NoOcspAnswer{error.what()});
    state_->answers.push_back(std::move(refused));
  }
}

std::vector<OcspAsker::Question> OcspAsker::take_answers() {
  std::vector<Question> answers;
  {
    const std::lock_guard lock(state_->mutex);
    answers.swap(state_->answers);
  }
  state_->open_sum -= answers.size();
  for (const Question& one : answers)
    if (const auto its = state_->open.find(one.certificate->responder); --its->second == 0) state_->open.erase(its);
  return answers;
}

void OcspAsker::work(const std::shared_ptr<State>& state) {
  (void)::pthread_setname_np(::pthread_self(), "ocsp");
  std::unique_lock lock(state->mutex);
  while (auto question = state->next(lock)) {
    lock.unlock();
    question->answer = state->fetch(question->certificate->responder, question->der, state->stopped.get());
    lock.lock();
    state->finish(std::move(*question));
  }
  --state->threads;
  state->ended.notify_all();
}

}  // namespace cardea::l7
