// Receiving frames anew.
#include "dataplane/door/shared_interface.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <net/if.h>

#include "base/bytes.h"
#include "dataplane/door/virtio_header.h"
#include "dataplane/wire/frame.h"

namespace cardea::dataplane {
namespace {

// `return XDP_PASS`, as the two instructions it is.
Result<FileDescriptor> load_pass() {
  const bpf_insn program[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
                              {.code = BPF_JMP | BPF_EXIT}};
  FileDescriptor fd(
      ::bpf_prog_load(BPF_PROG_TYPE_XDP, "cardea_pass", "Apache-2.0", program, std::size(program), nullptr));
  if (!fd) return fail_errno("load the program that gives frames back to the kernel");
  return fd;
}

bool is_for_a_service(const xdp::Filter& filter, Bytes frame) {
  FlowTuple tuple;
  const wire::Frame read = wire::read_behind_tags(frame, tuple);
  return read.fault == wire::Fault::kNone && read.l4 != 0 && filter.serves(tuple);
}

}  // namespace

Result<std::unique_ptr<SharedInterface>> SharedInterface::open(const std::string& name, const xdp::Filter& filter) {
  const auto index = int(::if_nametoindex(name.c_str()));
  if (index == 0) return fail_errno(fmt::format("find the interface {}", name));
  auto pass = load_pass();
  if (!pass) return std::unexpected(std::move(pass).error());
  return std::unique_ptr<SharedInterface>(new SharedInterface(std::move(*pass), index, filter));
}

Reason SharedInterface::give(uint32_t, std::span<const iovec> pieces) {
  const Bytes frame{static_cast<const std::byte*>(pieces.back().iov_base), pieces.back().iov_len};
  if (is_for_a_service(filter_, frame)) return Reason::k_not_yet;
  xdp_md place{.data_end = uint32_t(frame.size()), .ingress_ifindex = uint32_t(index_)};
  bpf_test_run_opts run{};
  run.sz = sizeof run;
  run.data_in = frame.data();
  run.data_size_in = uint32_t(frame.size());
  run.ctx_in = &place;
  run.ctx_size_in = sizeof place;
  run.repeat = 1;
  run.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  return ::bpf_prog_test_run_opts(pass_.get(), &run) == 0 ? Reason::kNone : Reason::k_door_full;
}

}  // namespace cardea::dataplane
