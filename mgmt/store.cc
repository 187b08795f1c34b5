#include "mgmt/store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "mgmt/whole_file.h"

namespace cardea::mgmt {
namespace {

constexpr const char* kRuntimeFile = "/runtime.json";
constexpr const char* kBefore = ".before";
constexpr const char* kDamaged = ".damaged";
constexpr int kPauseFactor = 10;                    // writing plans may take a tenth of the time

// The file that is replaced stays beside the new one, should that turn out to be damaged.
Result<> keep_predecessor(const std::string& path) {
  const std::string beside = path + kBefore + ".new";
  ::unlink(beside.c_str());
  if (::link(path.c_str(), beside.c_str()) != 0) return errno == ENOENT ? Result<>() : fail_errno("keep " + path);
  if (::rename(beside.c_str(), (path + kBefore).c_str()) != 0) return fail_errno("keep " + path);
  return {};
}

Result<Runtime> read_runtime(const std::string& path) {
  auto content = read_whole_file(path);
  if (!content) return std::unexpected(std::move(content.error()));
  return runtime_from_json(*content);
}

}  // namespace

Loaded load_runtime(const std::string& state_dir) {
  const std::string path = state_dir + kRuntimeFile, aside = path + kDamaged;
  const bool there = ::access(path.c_str(), F_OK) == 0;
  if (!there && ::access((path + kBefore).c_str(), F_OK) != 0) return {};
  auto runtime = read_runtime(path);
  if (runtime) return {std::move(*runtime), {}};
  std::string warning = fmt::format("{}: {}", path, runtime.error().message);
  if (there && ::rename(path.c_str(), aside.c_str()) == 0) warning += fmt::format(" (it is {} now)", aside);
  if (auto before = read_runtime(path + kBefore))
    return {std::move(*before), warning + "; what operators set and health checks found is as it was one change before"};
  return {{}, warning + "; every backend starts as \"ready\" with the weight of the file"};
}

Store::Store(std::string state_dir, OnTrouble on_trouble)
    : state_dir_(std::move(state_dir)), on_trouble_(std::move(on_trouble)), thread_([this] { work(); }) {}

void Store::finish() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Store::runtime(Runtime runtime, Done done) {
  {
    const std::lock_guard lock(mutex_);
    pending_.runtime = std::move(runtime);
    if (done) pending_.runtime_done.push_back(std::move(done));
  }
  wake_.notify_one();
}

void Store::generation(uint64_t number, std::shared_ptr<const conf::Config> config, Marks marks) {
  {
    const std::lock_guard lock(mutex_);
    pending_.generations.push_back({number, std::move(config), std::move(marks)});
  }
  wake_.notify_one();
}

void Store::plan(const std::string& name, Produce produce, bool at_once) {
  {
    const std::lock_guard lock(mutex_);
    const auto due = at_once ? Clock::time_point{} : plan_not_before_;
    const auto waiting = pending_.plans.find(name);
    const auto first = waiting == pending_.plans.end() ? due : std::min(waiting->second.due, due);
    pending_.plans.insert_or_assign(name, Plan{std::move(produce), first});
  }
  wake_.notify_one();
}

// What is due now; nothing only when the store is being closed and all is written.
Store::Pending Store::take(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    Pending taken;
    auto next = Clock::time_point::max();
    const auto now = Clock::now();
    for (auto at = pending_.plans.begin(); at != pending_.plans.end();) {
      const auto plan = at++;
      next = std::min(next, plan->second.due);
      if (stopping_ || plan->second.due <= now) taken.plans.insert(pending_.plans.extract(plan));
    }
    taken.generations = std::exchange(pending_.generations, {});
    taken.runtime = std::exchange(pending_.runtime, {});
    taken.runtime_done = std::exchange(pending_.runtime_done, {});
    if (!taken.empty() || stopping_) return taken;
    if (next == Clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

void Store::write_generation(const Generation& generation) {
  auto written = generation.config ? write_configuration(state_dir_, generation.number, *generation.config) : Result<>();
  if (written) written = write_marks(state_dir_, generation.marks);
  if (!written) on_trouble_(written.error());
}

void Store::write_runtime(Pending& pending) {
  const std::string json = to_json(*pending.runtime), path = state_dir_ + kRuntimeFile;
  auto written = keep_predecessor(path);
  if (written) written = write_file_whole(path, std::as_bytes(std::span(json)));
  if (!written) on_trouble_(written.error());
  for (auto& done : pending.runtime_done) done(written);
}

void Store::write_plan(const std::string& name, Produce& produce) {
  const auto began = Clock::now();
  auto content = produce();
  auto written = content ? write_file_whole(fmt::format("{}/{}.plan", state_dir_, name),
                                            std::as_bytes(std::span(content->data(), content->size())))
                         : std::unexpected(std::move(content.error()));
  if (!written) on_trouble_(written.error());
  const std::lock_guard lock(mutex_);
  plan_not_before_ = Clock::now() + kPauseFactor * (Clock::now() - began);
}

void Store::work() {
  for (;;) {
    std::unique_lock lock(mutex_);
    auto pending = take(lock);
    lock.unlock();
    if (pending.empty()) return;
    for (const auto& generation : pending.generations) write_generation(generation);
    if (pending.runtime) write_runtime(pending);
    for (auto& [name, plan] : pending.plans) write_plan(name, plan.produce);
  }
}

}  // namespace cardea::mgmt
