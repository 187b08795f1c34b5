// libconfig 1.5 loses the texts and names it had in hand when it meets a syntax error. That is not ours to fix, so the
// leak sanitizer is told; without it nobody calls this.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libconfig++.so\n";
}
