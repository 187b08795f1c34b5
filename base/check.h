// Assertions that stay on in production: a broken invariant ends the process with file, line and the condition, because
// forwarding by a wrong table is worse than being restarted. DCHECK costs nothing outside debug and sanitizer builds.
#pragma once

namespace cardea {
[[noreturn]] void check_failed(const char* condition, const char* file, int line, const char* why);
}  // namespace cardea

#define CHECK(condition, ...) \
  (static_cast<bool>(condition) ? void(0) : ::cardea::check_failed(#condition, __FILE__, __LINE__, "" __VA_ARGS__))

#if defined(CARDEA_DCHECK) || defined(__SANITIZE_ADDRESS__)
#define DCHECK(condition, ...) CHECK(condition, __VA_ARGS__)
#else
#define DCHECK(condition, ...) void(0)
#endif
