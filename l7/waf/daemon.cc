#include "l7/waf/daemon.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/log.h"

namespace cardea::l7::waf {
namespace {

using control::Message;
using control::Verb;
using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kLoadTime = 120s;
constexpr auto kPauseMax = 30s;        // between generations that end unasked; one that lasts as long was none of those
constexpr auto kFinishTime = 10s;      // of inspections at the end; the unit's TimeoutStopSec is longer
constexpr auto kTick = 1000ms;

Result<Load> read_load(const Json& json) {
  Load load;
  try {
    load.sets = json.at("sets").get<std::vector<std::vector<std::string>>>();
    load.workers = json.at("workers").get<uint32_t>();
    load.queue = json.at("queue").get<uint32_t>();
    load.memory_max = json.at("memory_max").get<uint64_t>();
    if (json.contains("kept")) load.kept = json["kept"].get<std::vector<std::vector<std::string>>>();
  } catch (const Json::exception& e) {
    return fail(fmt::format("not understood: {}", e.what()));
  }
  return load;
}

bool are_the_same(const Load& one, const Load& other) {
  return std::tie(one.sets, one.workers, one.queue, one.memory_max) ==
         std::tie(other.sets, other.workers, other.queue, other.memory_max);
}

}  // namespace

Result<Daemon> Daemon::open(const std::string& run_directory) {
  auto server = control::PlanServer::listen(run_directory + "/waf.sock");
  if (!server) return std::unexpected(std::move(server.error()));
  Daemon daemon(std::move(*server), run_directory + "/waf-questions.sock");
  daemon.seek_asker(monotonic_now());
  daemon.listener_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!daemon.listener_) return fail_errno("make a socket");
  ::unlink(daemon.questions_path_.c_str());  // nobody is to come to one that nobody serves
  return daemon;
}

// Who may connect is decided by the file's mode and, for each, by the kernel's word of who he is (worker.cc).
Result<> Daemon::listen(uint32_t queue) {
  if (!listens_) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (questions_path_.size() >= sizeof at.sun_path) return fail(questions_path_ + ": the name is too long for a socket");
    std::memcpy(at.sun_path, questions_path_.data(), questions_path_.size());
    const mode_t mask = ::umask(0117);
    const int bound = ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
    ::umask(mask);
    if (bound != 0) return fail_errno("bind " + questions_path_);
  }
  if (::listen(listener_.get(), int(queue)) != 0) return fail_errno("listen at " + questions_path_);
  listens_ = true;
  return {};
}

Message Daemon::begin_load(Load load, Asked asked) {
  if (loading_) refuse_load("other rules came before these were loaded");
  load.asker = asker_->known();
  const auto in = [](const auto& sets, const auto& files) { return std::ranges::find(sets, files) != sets.end(); };
  for (const auto& files : load_.sets)
    if (!in(load.sets, files) && !in(load.kept, files)) load.kept.push_back(files);
  const size_t side = works_ ? 1 - works_->side : 0;
  auto begun = Generation::start(load, listener_.get(), *tally_, side);
  if (!begun) return control::refusal(begun.error());
  loading_ = Loading{std::move(*begun), std::move(load), std::move(asked), monotonic_now() + kLoadTime};
  return {};
}

std::string Daemon::status() const {
  size_t workers = 0, busy = 0;
  if (works_)
    for (const Tally::Worker& worker : tally_->crews[works_->side])
      if (worker.pid != 0) ++workers, busy += worker.busy;
  return Json{{"pid", ::getpid()}, {"rules", works_ ? ids_ : std::vector<uint64_t>()}, {"workers", workers}, {"busy", busy}, {"sets", load_.sets.size()}, {"queue", load_.queue},
              {"inspected", tally_->inspected.load()}, {"matched", tally_->matched.load()}, {"micros", tally_->micros.load()},
              {"abandoned", tally_->abandoned.load()}, {"late", tally_->late.load()}, {"deserted", tally_->deserted.load()}, {"died", tally_->died.load()},
              {"loads", tally_->loads.load()}, {"loads_refused", tally_->loads_refused.load()}}
      .dump();
}

std::optional<Message> Daemon::answer(const Message& request, control::PlanServer::Ticket ticket) {
  const Json json = Json::parse(request.body, nullptr, false);
  const bool asks = request.verb == Verb::kAsk && json.is_object() && json.contains("ask");
  if (!asks) return control::refusal(fail("unknown request").error());
  if (json["ask"] == "status") return Message{.verb = Verb::kAnswer, .body = status()};
  if (json["ask"] != "load") return control::refusal(fail("unknown question").error());
  auto load = read_load(json);
  if (!load) return control::refusal(load.error());
  const bool anew = json.contains("anew") && json["anew"] == true;
  return answer_load(std::move(*load), anew, ticket);
}

// Who asks for what is being loaded waits for that; but files may have changed behind its beginning, when they are asked for
// anew.
std::optional<Message> Daemon::answer_load(Load load, bool anew, control::PlanServer::Ticket ticket) {
  if (!anew && loading_ && are_the_same(loading_->load, load)) {
    loading_->asked.push_back(ticket);
    return std::nullopt;
  }
  Message refused = begin_load(std::move(load), {ticket});
  if (refused.verb == Verb::kRefused) return refused;
  return std::nullopt;
}

void Daemon::refuse_load(const std::string& why) {
  ++tally_->loads_refused;
  ::kill(loading_->generation.pid, SIGKILL);
  log::warning("rules are not loaded: {}", why);
  for (const auto ticket : loading_->asked) server_.reply(ticket, control::refusal(fail(why, Origin::kOperator).error()));
  loading_.reset();
  if (!works_) put_off(monotonic_now());
}

void Daemon::take_over(std::vector<uint64_t> ids) {
  Loading loaded = std::move(*loading_);
  loading_.reset();
  ++tally_->loads;
  if (works_) works_->retire();
  works_ = std::move(loaded.generation);
  load_ = std::move(loaded.load);
  ids_ = std::move(ids);
  began_ = monotonic_now();
  works_->begin();
  log::info("{} sets of rules are loaded, {} workers, {} questions may wait", load_.sets.size(), load_.workers, load_.queue);
  systemd::status(fmt::format("{} workers", load_.workers));
  for (const auto ticket : loaded.asked) server_.reply(ticket, {.verb = Verb::kAnswer, .body = status()});
}

void Daemon::end_load(Instant now) {
  pollfd end{.fd = loading_->generation.socket.get(), .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, 0) <= 0) {
    if (now >= loading_->until) refuse_load("it took longer than two minutes");
    return;
  }
  Loaded loaded = loaded_by(loading_->generation.socket.get());
  if (!loaded.refused.empty()) return refuse_load(loaded.refused);
  if (auto listens = listen(loading_->load.queue); !listens) return refuse_load(listens.error().message);
  take_over(std::move(loaded.ids));
}

// cardea-l7 may be installed after this, and its rules come after it.
void Daemon::seek_asker(Instant now) {
  if (asker_->known()) return;
  asker_->seek(now);
  server_.admit(asker_->known());
}

// The first time at once; what ends or is refused again and again is not started all the time.
void Daemon::put_off(Instant now) {
  again_ = now + pause_;
  pause_ = std::clamp<std::chrono::seconds>(pause_ * 2, 1s, kPauseMax);
}

// A generation that ended unasked comes anew with the same rules.
void Daemon::bury(Instant now) {
  for (pid_t pid = 0; (pid = ::waitpid(-1, nullptr, WNOHANG)) > 0;) {
    if (!works_ || works_->pid != pid) continue;
    log::warning("the workers' own process {} has ended; another one takes its place", pid);
    for (Tally::Worker& worker : tally_->crews[works_->side]) worker.pid = 0;
    works_.reset();
    ++tally_->died;
    if (now - began_ > kPauseMax) pause_ = 0s;
    put_off(now);
  }
  if (works_ || loading_ || load_.sets.empty() || now < again_) return;
  if (begin_load(load_, {}).verb == Verb::kRefused) put_off(now);
}

// Inspections under way come to their end, as this process' end would be theirs.
void Daemon::finish() {
  ::unlink(questions_path_.c_str());
  if (loading_) ::kill(loading_->generation.pid, SIGKILL);
  if (works_) works_->retire();
  const Instant until = monotonic_now() + kFinishTime;
  for (pid_t pid = 0; pid >= 0 && monotonic_now() < until;)
    if ((pid = ::waitpid(-1, nullptr, WNOHANG)) == 0) ::usleep(20'000);
}

bool Daemon::hear(int signals) {
  signalfd_siginfo signal{};
  bool end = false;
  while (::read(signals, &signal, sizeof signal) == ssize_t(sizeof signal)) end |= signal.ssi_signo != SIGCHLD;
  return end;
}

Result<> Daemon::run(int signals) {
  systemd::ready("no rules yet");
  for (;;) {
    pollfd ends[] = {{.fd = server_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = signals, .events = POLLIN, .revents = 0},
                     {.fd = loading_ ? loading_->generation.socket.get() : -1, .events = POLLIN, .revents = 0}};
    if (::poll(ends, std::size(ends), int(std::chrono::milliseconds(kTick).count())) < 0 && errno != EINTR)
      return fail_errno("wait for requests");
    const Instant now = monotonic_now();
    if (ends[1].revents != 0 && hear(signals)) break;
    seek_asker(now);
    if (loading_) end_load(now);
    bury(now);
    if (ends[0].revents != 0)
      server_.serve_late([this](const Message& request, control::PlanServer::Ticket ticket) { return answer(request, ticket); });
    if (watchdog_.due(now)) watchdog_.feed(now);
  }
  systemd::stopping();
  finish();
  return {};
}

}  // namespace cardea::l7::waf
