// The other screen of the terminal, with keys read as they are typed; all put back at the end, after Ctrl-C too, which
// comes as a key here.
#pragma once

#include <termios.h>

#include <chrono>
#include <string>

#include "mgmt/cli/space.h"

namespace cardea::mgmt::cli {

class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Space space() const;                       // for draw(), as large as the window is now
  void draw(const std::string& text) const;  // as much of it as fits
  bool asked_to_end(std::chrono::milliseconds patience) const;

 private:
  termios before_{};
};

}  // namespace cardea::mgmt::cli
