#include "mgmt/publish.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/check.h"

namespace cardea::mgmt {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRetryFirst{5},
    kRetryMax{200};                             // connect() to a socket that nobody listens at costs microseconds
constexpr milliseconds kAdoptDeadline{30'000};  // a plan of 1 GB is verified and copied
constexpr milliseconds kUpdateDeadline{10'000};
constexpr milliseconds kAskDeadline{5'000};
constexpr size_t kQuestionsMax = 256;

std::unexpected<control::Failure> refused(control::Message answer) {
  return std::unexpected(control::Failure({std::move(answer.body), Origin::kBackend}, answer.code));
}

// What the peer said, or why it said nothing that can be used.
Adopted adopted_from(control::Outcome<control::Message> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->verb == control::Verb::kAdopted) return answer->generation;
  return refused(std::move(*answer));
}

control::Outcome<std::string> text_from(control::Outcome<control::Message> answer) {
  if (!answer) return std::unexpected(std::move(answer.error()));
  if (answer->verb == control::Verb::kAnswer) return std::move(answer->body);
  return refused(std::move(*answer));
}

bool fits(control::Verb question, control::Verb answer) {
  if (answer == control::Verb::kRefused) return true;
  return answer == (question == control::Verb::kAsk ? control::Verb::kAnswer : control::Verb::kAdopted);
}

control::Outcome<control::Message> talk(int socket, const control::Message& message, milliseconds deadline) {
  if (auto sent = control::send(socket, message); !sent) return std::unexpected(std::move(sent.error()));
  auto answer = control::receive(socket, deadline);
  if (answer && !fits(message.verb, answer->verb))
    return fail("the answer does not fit the request: is the process of the same version?");
  return answer;
}

pid_t peer_pid(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

}  // namespace

Publisher::Publisher(std::string socket_path, std::string peer, OnLink on_link)
    : path_(std::move(socket_path)),
      peer_(std::move(peer)),
      on_link_(std::move(on_link)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(wake_, "no eventfd");
  thread_ = std::jthread([this] { work(); });
}

Publisher::~Publisher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  notify();
  if (thread_.joinable()) thread_.join();
  fail_waiting(Error{"cardea-mgmt is being stopped"});
}

void Publisher::adopt(Image plan, uint64_t generation, Done done) {
  submit({{control::Verb::kAdopt, generation, {}, {}, {}},
          std::move(plan),
          kAdoptDeadline,
          [done = std::move(done)](auto answer) mutable { done(adopted_from(std::move(answer))); }},
         true);
}

void Publisher::update_pools(Image update, uint64_t generation, Done done) {
  submit({{control::Verb::kUpdatePools, generation, {}, {}, {}},
          std::move(update),
          kUpdateDeadline,
          [done = std::move(done)](auto answer) mutable { done(adopted_from(std::move(answer))); }},
         true);
}

void Publisher::ask(std::string json, Answered done) {
  submit({{control::Verb::kAsk, 0, std::move(json), {}, {}},
          {},
          kAskDeadline,
          [done = std::move(done)](auto answer) mutable { done(text_from(std::move(answer))); }},
         false);
}

std::future<control::Outcome<std::string>> PlanLink::ask(std::string json) {
  std::promise<control::Outcome<std::string>> promise;
  auto future = promise.get_future();
  ask(std::move(json), [promise = std::move(promise)](auto answer) mutable { promise.set_value(std::move(answer)); });
  return future;
}

MakeLink plan_sockets_in(std::string run_dir) {
  return [run_dir = std::move(run_dir)](const Consumer& consumer, PlanLink::OnLink on_link) {
    return std::make_unique<Publisher>(consumer.socket(run_dir), consumer.words, std::move(on_link));
  };
}

control::Failure Publisher::not_connected() const {
  return {{peer_ + " is not connected", Origin::kSelf, Retry::kSafe}, control::Code::kClosed};
}

PlanLink::Peer Publisher::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

// Requests are refused at once while nobody is there to answer, so that no caller waits for a peer that may never come.
void Publisher::submit(Request request, bool first) {
  {
    const std::lock_guard lock(mutex_);
    auto& queue = first ? plans_ : questions_;
    if (link_.connected && !stopping_ && (first || queue.size() < kQuestionsMax)) {
      queue.push_back(std::move(request));
      notify();
      return;
    }
  }
  request.done(std::unexpected(not_connected()));
}

void Publisher::work() {
  milliseconds delay = kRetryFirst;
  while (!stopping()) {
    if (auto socket = control::connect(path_)) {
      serve(std::move(*socket));
      delay = kRetryFirst;
    }
    wait_before_retry(delay);
    delay = std::min(delay * 2, kRetryMax);
  }
}

void Publisher::serve(FileDescriptor socket) {
  {
    const std::lock_guard lock(mutex_);
    link_ = {true, peer_pid(socket.get()), std::chrono::system_clock::now()};
  }
  on_link_(true);
  while (!stopping() && idle(socket.get())) {
    auto request = take_next();
    if (request && !exchange(socket.get(), *request)) break;
  }
  {
    const std::lock_guard lock(mutex_);
    link_ = {};
  }
  fail_waiting(not_connected());
  on_link_(false);
}

// One request at a time, so that a plan that comes meanwhile overtakes the questions that wait.
std::optional<Publisher::Request> Publisher::take_next() {
  const std::lock_guard lock(mutex_);
  auto& queue = plans_.empty() ? questions_ : plans_;
  if (queue.empty()) return std::nullopt;
  auto next = std::move(queue.front());
  queue.pop_front();
  return next;
}

bool Publisher::exchange(int socket, Request& request) {
  if (request.image.size() > 0) {
    auto memfd = control::seal("cardea plan", bytes_of(request.image));
    request.image = {};
    if (!memfd) {
      request.done(std::unexpected(std::move(memfd.error())));
      return true;
    }
    request.message.memfd = std::move(*memfd);
  }
  auto answer = talk(socket, request.message, request.deadline);
  const bool usable = answer.has_value();  // after a timeout the next answer would be to the wrong question
  request.done(std::move(answer));
  return usable;
}

bool Publisher::idle(int socket) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_ || !plans_.empty() || !questions_.empty()) return true;
    }
    std::array<pollfd, 2> wanted{{{socket, POLLIN | POLLRDHUP, 0}, {wake_.get(), POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return false;
    if (wanted[0].revents != 0) return false;  // gone, or it speaks unasked: either way this connection is over
    drain();
  }
}

void Publisher::fail_waiting(const control::Failure& why) {
  std::deque<Request> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = std::exchange(plans_, {});
    std::ranges::move(std::exchange(questions_, {}), std::back_inserter(waiting));
  }
  for (auto& request : waiting) request.done(std::unexpected(why));
}

bool Publisher::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Publisher::wait_before_retry(milliseconds delay) {
  if (stopping()) return;
  pollfd wanted{wake_.get(), POLLIN, 0};
  ::poll(&wanted, 1, int(delay.count()));
  drain();
}

void Publisher::drain() {
  uint64_t count;
  (void)!::read(wake_.get(), &count, sizeof count);
}

void Publisher::notify() {
  const uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

}  // namespace cardea::mgmt
