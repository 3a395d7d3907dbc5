#include "cli/raw_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace nacre::cli {

absl::StatusOr<std::unique_ptr<RawTerminal>> RawTerminal::Enter() {
  termios before = {};
  if (tcgetattr(STDIN_FILENO, &before) != 0) {
    return absl::FailedPreconditionError("--terminal: standard input is not a terminal");
  }
  termios raw = before;
  cfmakeraw(&raw);
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) != 0) return ErrnoStatus(errno, "raw terminal");
  return std::unique_ptr<RawTerminal>(new RawTerminal(before));
}

RawTerminal::~RawTerminal() { tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }

TerminalSize RawTerminal::Size() const {
  winsize size = {};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {.rows = size.ws_row, .columns = size.ws_col};
}

}  // namespace nacre::cli
