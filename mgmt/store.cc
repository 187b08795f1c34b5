#include "mgmt/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/file_descriptor.h"

namespace cardea::mgmt {
namespace {

constexpr const char* kRuntimeFile = "/runtime.json";
constexpr size_t kFileBytesMax = size_t{64} << 20;  // of runtime.json; 65,536 backends need about 20 MB
constexpr int kPauseFactor = 10;                    // writing plans may take a tenth of the time

Result<> write_all(int fd, Bytes content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write");
    content = content.subspan(size_t(written));
  }
  return {};
}

Result<> sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return fail_errno("sync " + folder);
  return {};
}

Result<> write_beside(const std::string& beside, Bytes content) {
  FileDescriptor fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return fail_errno("create " + beside);
  if (auto written = write_all(fd.get(), content); !written)
    return std::unexpected(std::move(written.error()).in(beside));
  if (::fsync(fd.get()) != 0) return fail_errno("sync " + beside);
  return {};
}

}  // namespace

Result<> write_file_whole(const std::string& path, Bytes content) {
  const std::string beside = path + ".new";
  if (auto written = write_beside(beside, content); !written) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail_errno("rename to " + path);
  return sync_folder(path);
}

Result<std::string> read_whole_file(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("open " + path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("examine " + path);
  if (!S_ISREG(status.st_mode)) return fail(path + " is not a file");
  if (size_t(status.st_size) > kFileBytesMax)
    return fail(fmt::format("{} has more than {} bytes", path, kFileBytesMax));
  std::string content(size_t(status.st_size), '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno("read " + path);
    if (got == 0) break;
    filled += size_t(got);
  }
  content.resize(filled);
  return content;
}

Loaded load_runtime(const std::string& state_dir) {
  const std::string path = state_dir + kRuntimeFile;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return {};
  auto content = read_whole_file(path);
  auto runtime = content ? runtime_from_json(*content) : std::unexpected(std::move(content.error()));
  if (runtime) return {std::move(*runtime), {}};
  return {{},
          fmt::format("{}: {}; every backend starts as \"ready\" with the weight of the file", path,
                      runtime.error().message)};
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
    taken.runtime = std::exchange(pending_.runtime, {});
    taken.runtime_done = std::exchange(pending_.runtime_done, {});
    if (taken.runtime || !taken.plans.empty() || stopping_) return taken;
    if (next == Clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, next);
    }
  }
}

void Store::write_runtime(Pending& pending) {
  const std::string json = to_json(*pending.runtime);
  const auto written = write_file_whole(state_dir_ + kRuntimeFile, std::as_bytes(std::span(json)));
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
    if (!pending.runtime && pending.plans.empty()) return;
    if (pending.runtime) write_runtime(pending);
    for (auto& [name, plan] : pending.plans) write_plan(name, plan.produce);
  }
}

}  // namespace cardea::mgmt
