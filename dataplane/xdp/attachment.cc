// Answering libbpf's bpf_xdp_attach.
#include "dataplane/xdp/attachment.h"

#include <bpf/libbpf.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>

#include "base/check.h"

namespace cardea::dataplane::xdp {
namespace {

Attachment* current = nullptr;  // ports are opened one after the other, by one thread

int libbpf_attach(int interface_index, int program, unsigned flags, const void* options) {
  static const auto real = reinterpret_cast<decltype(&::bpf_xdp_attach)>(::dlsym(RTLD_NEXT, "bpf_xdp_attach"));
  if (real == nullptr) return -ENOSYS;
  return real(interface_index, program, flags, static_cast<const bpf_xdp_attach_opts*>(options));
}

}  // namespace

Attachment::Attachment(int interface_index, Fill fill)
    : interface_index_(interface_index),
      fill_(std::move(fill)),
      outcome_(fail(fmt::format("no XDP program was attached to interface {}", interface_index))) {
  CHECK(current == nullptr);
  current = this;
}

Attachment::~Attachment() {
  current = nullptr;
}

bool Attachment::concerns(int interface_index, int program) const {
  return interface_index == interface_index_ && program >= 0;
}

int Attachment::attach(int interface_index, int program, unsigned flags, const void* options) {
  if (current == nullptr || !current->concerns(interface_index, program))
    return libbpf_attach(interface_index, program, flags, options);
  current->outcome_ = current->fill_(program);
  if (!current->outcome_) return -ECANCELED;
  const int number = libbpf_attach(interface_index, program, flags & ~unsigned{XDP_FLAGS_UPDATE_IF_NOEXIST}, options);
  if (number != 0) current->outcome_ = fail_errno("attach the XDP program", -number);
  return number;
}

}  // namespace cardea::dataplane::xdp

// The driver is a library that the linker binds to this program's symbols before libbpf's.
extern "C" __attribute__((visibility("default"))) int bpf_xdp_attach(int interface_index, int program, __u32 flags,
                                                                     const bpf_xdp_attach_opts* options) {
  return cardea::dataplane::xdp::Attachment::attach(interface_index, program, flags, options);
}
