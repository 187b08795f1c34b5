// What another thread or process brings about: asked for until it is so.
#pragma once

#include <chrono>
#include <thread>

namespace cardea {

// False: it was not so all that time.
template <typename Question>
bool soon(Question question, std::chrono::milliseconds patience = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!question()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace cardea
