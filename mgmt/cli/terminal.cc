#include "mgmt/cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "mgmt/cli/session.h"
#include "mgmt/cli/table.h"

namespace cardea::mgmt::cli {

Terminal::Terminal() {
  ::tcgetattr(STDIN_FILENO, &before_);
  termios raw = before_;
  raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  print("\x1b[?1049h\x1b[?25l");
  std::fflush(stdout);
}

Terminal::~Terminal() {
  print("\x1b[?25h\x1b[?1049l");
  std::fflush(stdout);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

Space Terminal::space() const {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
  return known ? Space{size.ws_row - 1u, size.ws_col} : Space{23, 80};
}

void Terminal::draw(const std::string& text) const {
  const Space space = this->space();
  std::string frame = "\x1b[H";
  size_t at = 0;
  for (size_t i = 0; i < space.lines && at < text.size(); ++i) {
    const size_t end = std::min(text.find('\n', at), text.size());
    frame += clipped(std::string_view(text).substr(at, end - at), space.columns) + "\x1b[K\n";
    at = end + 1;
  }
  print(frame + "\x1b[J" + painted("q ends", Tone::kFaint, true));
  std::fflush(stdout);
}

bool Terminal::asked_to_end(std::chrono::milliseconds patience) const {
  pollfd keys{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (::poll(&keys, 1, int(patience.count())) <= 0) return false;
  char key = 0;
  constexpr char kCtrlC = 3, kCtrlD = 4;
  return ::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == kCtrlC || key == kCtrlD;
}

}  // namespace cardea::mgmt::cli
