#include "l7/control/waf_link.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/log.h"
#include "l7/proxy/waf_question.h"
#include "l7/waf/message.h"

namespace cardea::l7 {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kLook = 1s;
constexpr auto kTryAgain = 30s;
constexpr auto kPatience = 2s;      // with an answer that costs nothing
constexpr auto kLoadPatience = 8s;  // with rules; less than the watchdog has

using Sets = std::vector<std::vector<std::string>>;

// `anew`: from their files as they are now, whatever is being loaded.
std::string question_of(const WafPlan& plan, const Sets& kept, bool anew) {
  return Json{{"ask", "load"},          {"anew", anew},         {"sets", plan.sets},
              {"kept", kept},           {"workers", plan.workers}, {"queue", plan.queue},
              {"memory_max", plan.memory_max}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::set<uint64_t> rules_in(const Json& status) {
  std::set<uint64_t> rules;
  if (!status.is_object() || !status.contains("rules")) return rules;
  for (const Json& id : status["rules"])
    if (id.is_number_unsigned()) rules.insert(id.get<uint64_t>());
  return rules;
}

bool has_all(const Json& status, const Sets& sets) {
  const std::set<uint64_t> rules = rules_in(status);
  return std::ranges::all_of(sets, [&](const auto& files) { return rules.contains(waf::rules_id(files)); });
}

// Its counts; nothing else of what it says is passed on.
std::string counts_in(const Json& status) {
  Json counts = Json::object();
  for (const char* name : {"pid", "workers", "busy", "sets", "queue", "inspected", "matched", "micros", "abandoned", "late", "deserted",
                           "died", "loads", "loads_refused"})
    if (status.is_object() && status.contains(name) && status[name].is_number_unsigned()) counts[name] = status[name];
  return counts.dump();
}

}  // namespace

WafLink::WafLink(const std::string& run_directory) : directory_(run_directory + "-waf"), thread_([this] { keep(); }) {}

WafLink::~WafLink() {
  {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

control::Outcome<std::string> WafLink::ask(const std::string& question, std::chrono::milliseconds patience) {
  auto socket = control::connect(directory_ + "/waf.sock");
  if (!socket) return fail("cardea-waf is not running", Origin::kSelf, Retry::kSafe);
  proxy::seek_waf_user();
  if (!proxy::is_waf(socket->get())) return fail("who listens for cardea-waf is another user", Origin::kSelf, Retry::kSafe);
  control::Message message{.verb = control::Verb::kAsk, .body = question};
  if (auto sent = control::send(socket->get(), message); !sent) return std::unexpected(std::move(sent.error()));
  auto heard = control::receive(socket->get(), patience);
  if (!heard) return std::unexpected(std::move(heard.error()));
  if (heard->verb == control::Verb::kAnswer) return std::move(heard->body);
  return fail(heard->body, Origin::kOperator);
}

void WafLink::note_trouble(const std::string& why) {
  if (std::exchange(trouble_, why) != why) log::warning("waf: {}", why);
}

// Rules that are refused are the Error, as are those that are not loaded in time; that nobody is there to load them is for
// later.
Result<> WafLink::tell_rules(const std::string& question) {
  auto status = ask(question, kLoadPatience);
  const std::scoped_lock lock(mutex_);
  if (status) return trouble_.clear(), Result<>{};
  const bool late = status.error().code == control::Code::kLate;
  note_trouble(late ? "cardea-waf is still loading the rules" : status.error().message);
  if (late) return fail(fmt::format("cardea-waf has not loaded the rules within {} s, and goes on: try again", kLoadPatience.count()));
  if (status.error().retry == Retry::kSafe) return {};
  return std::unexpected(std::move(status.error()));
}

Result<> WafLink::load(const WafPlan& next, bool starts) {
  if (next.sets.empty()) return {};
  auto told = tell_rules(question_of(next, plan_.sets, true));  // plan_ is written by this thread alone
  return starts ? Result<>{} : told;
}

void WafLink::adopt(const WafPlan& plan) {
  const std::scoped_lock lock(mutex_);
  plan_ = plan;
}

void WafLink::keep() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait_for(lock, kLook);
    if (ended_ || plan_.sets.empty()) continue;
    lock.unlock();
    look();
    lock.lock();
  }
}

// A cardea-waf that has not all of its rules, since it was started anew or is late with them, is told them.
void WafLink::look() {
  auto answer = ask(R"({"ask": "status"})", kPatience);
  std::unique_lock lock(mutex_);
  if (!answer) return note_trouble(answer.error().message);
  const Json status = Json::parse(*answer, nullptr, false);
  said_ = counts_in(status);
  if (has_all(status, plan_.sets)) return trouble_.clear();
  if (monotonic_now() < again_) return;
  const std::string question = question_of(plan_, {}, false);
  lock.unlock();
  const bool told = bool(tell_rules(question));
  lock.lock();
  again_ = told ? Instant{} : monotonic_now() + kTryAgain;
}

bool WafLink::needed() const {
  const std::scoped_lock lock(mutex_);
  return !plan_.sets.empty();
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
