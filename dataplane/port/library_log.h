// What libraries say of their own accord (DPDK and its drivers, libbpf, libxdp) becomes lines of this process's log,
// with a time and a level, instead of bare text between them.
#pragma once

namespace cardea::dataplane {

void take_library_logs();  // before the first of their calls; for the rest of the process

}  // namespace cardea::dataplane
