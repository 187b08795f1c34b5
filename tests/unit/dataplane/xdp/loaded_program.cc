// Loading, and BPF_PROG_TEST_RUN.
#include "tests/unit/dataplane/xdp/loaded_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <utility>

#include "base/check.h"

namespace cardea::dataplane::xdp::test {
namespace {

auto loaded() {
  const FileDescriptor file = program_file().value();
  bpf_object* object = ::bpf_object__open_file(fmt::format("/proc/self/fd/{}", file.get()).c_str(), nullptr);
  CHECK(object != nullptr);
  CHECK(::bpf_object__load(object) == 0);
  return object;
}

bpf_test_run_opts run(int program, const std::vector<std::byte>& frame) {
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = frame.data();
  options.data_size_in = uint32_t(frame.size());
  options.repeat = 1;
  CHECK(::bpf_prog_test_run_opts(program, &options) == 0);
  return options;
}

}  // namespace

void LoadedProgram::Close::operator()(bpf_object* object) const {
  ::bpf_object__close(object);
}

LoadedProgram::LoadedProgram() : LoadedProgram(std::unique_ptr<bpf_object, Close>(loaded())) {}

LoadedProgram::LoadedProgram(std::unique_ptr<bpf_object, Close> object)
    : filter(Filter::of_program(::bpf_program__fd(::bpf_object__next_program(object.get(), nullptr))).value()),
      object_(std::move(object)),
      program_(::bpf_program__fd(::bpf_object__next_program(object_.get(), nullptr))) {}

int LoadedProgram::verdict(const std::vector<std::byte>& frame) const {
  return int(run(program_, frame).retval);
}

Reason LoadedProgram::reason(const std::vector<std::byte>& frame) const {
  const auto before = filter.counts().value();
  (void)verdict(frame);
  const auto after = filter.counts().value();
  Reason found = kReasons;
  for (int reason = 0; reason < k_unattended; ++reason) {
    if (after[size_t(reason)] == before[size_t(reason)]) continue;
    CHECK(found == kReasons);
    found = Reason(reason);
  }
  return found;
}

void LoadedProgram::attend() {
  socket_ = FileDescriptor(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  CHECK(bool(socket_));
  const uint32_t queue = 0;
  const int fd = socket_.get(), map = ::bpf_map__fd(::bpf_object__find_map_by_name(object_.get(), "xsks_map"));
  CHECK(::bpf_map_update_elem(map, &queue, &fd, BPF_ANY) == 0);
}

}  // namespace cardea::dataplane::xdp::test
