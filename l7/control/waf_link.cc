#include "l7/control/waf_link.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/control_socket.h"
#include "base/log.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr auto kTryAgain = 30s;
constexpr auto kPatience = 2s;      // with an answer that costs nothing
constexpr auto kLoadPatience = 8s;  // with rules; less than the watchdog has

std::string question_of(const WafPlan& plan) {
  if (plan.sets.empty()) return {};
  return Json{{"ask", "load"}, {"sets", plan.sets}, {"workers", plan.workers}, {"queue", plan.queue}, {"memory_max", plan.memory_max}}.dump();
}

uint64_t pid_in(const std::string& status) {
  const Json json = Json::parse(status, nullptr, false);
  return json.is_object() ? json.value("pid", uint64_t{0}) : 0;
}

}  // namespace

WafLink::WafLink(const std::string& run_directory) : directory_(run_directory), thread_([this] { keep(); }) {}

WafLink::~WafLink() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Result<std::string> WafLink::ask(const std::string& question, std::chrono::milliseconds patience) {
  auto socket = control::connect(directory_ + "/waf.sock");
  if (!socket) return fail("cardea-waf is not running", Origin::kSelf, Retry::kSafe);
  control::Message message{.verb = control::Verb::kAsk, .body = question};
  if (auto sent = control::send(socket->get(), message); !sent) return fail(sent.error().message, Origin::kSelf, Retry::kSafe);
  auto heard = control::receive(socket->get(), patience);
  if (!heard) return fail(heard.error().message, Origin::kSelf, Retry::kSafe);
  if (heard->verb == control::Verb::kAnswer) return std::move(heard->body);
  return fail(heard->body, Origin::kOperator);
}

// Rules that are refused are the Error; that nobody is there to load them is for later.
Result<> WafLink::tell_rules(const std::string& question) {
  auto status = ask(question, kLoadPatience);
  const std::scoped_lock lock(mutex_);
  if (status) {
    said_ = *status, trouble_.clear(), pid_ = pid_in(*status);
    return {};
  }
  if (std::exchange(trouble_, status.error().message) != trouble_) log::warning("waf: {}", trouble_);
  if (status.error().retry == Retry::kSafe) return {};
  again_ = monotonic_now() + kTryAgain;
  return std::unexpected(std::move(status.error()));
}

Result<> WafLink::load(const WafPlan& plan, bool starts) {
  const std::string question = question_of(plan);
  const auto adopt = [&] {
    const std::scoped_lock lock(mutex_);
    rules_ = question;
  };
  if (question.empty()) return adopt(), Result<>{};
  auto told = tell_rules(question);
  if (told || starts) adopt();
  return starts ? Result<>{} : told;
}

void WafLink::keep() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait_for(lock, kLook);
    if (ended_ || rules_.empty()) continue;
    lock.unlock();
    look();
    lock.lock();
  }
}

// A cardea-waf that nobody has told its rules, since it was started anew, is told them.
void WafLink::look() {
  auto status = ask(R"({"ask": "status"})", kPatience);
  std::unique_lock lock(mutex_);
  if (!status) {
    if (std::exchange(trouble_, status.error().message) != trouble_) log::warning("waf: {}", trouble_);
    pid_ = 0;
    return;
  }
  said_ = *status;
  const bool knows = pid_ != 0 && pid_ == pid_in(*status);
  if (knows) return trouble_.clear();
  if (monotonic_now() < again_) return;
  const std::string question = rules_;
  lock.unlock();
  (void)!tell_rules(question);
}

bool WafLink::needed() const {
  const std::scoped_lock lock(mutex_);
  return !rules_.empty();
}

std::string WafLink::said() const {
  const std::scoped_lock lock(mutex_);
  return said_;
}

std::string WafLink::state() const {
  const std::scoped_lock lock(mutex_);
  return trouble_.empty() ? "working" : trouble_;
}

}  // namespace cardea::l7
