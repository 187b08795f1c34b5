// DPDK's af_xdp driver ends with its port without giving back what libxdp and libbpf made for it. That is not ours to fix
// (a process opens its ports once), so the leak sanitizer is told; without it nobody calls this.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:xsk_umem__create\nleak:libbpf.so\n";
}
