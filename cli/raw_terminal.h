// This process's terminal while a container uses it: every key goes to the container as it is, and
// the container's own terminal does the echo and the line editing.
#pragma once

#include <termios.h>

#include <cstdint>
#include <memory>

#include "base/status.h"

namespace nacre::cli {

struct TerminalSize {
  uint32_t rows = 0;
  uint32_t columns = 0;
};

class RawTerminal {
 public:
  // Standard input's terminal goes to raw mode. kFailedPrecondition when it is no terminal.
  static absl::StatusOr<std::unique_ptr<RawTerminal>> Enter();
  // As it was before.
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // {0, 0} when the terminal does not say.
  TerminalSize Size() const;

 private:
  explicit RawTerminal(const termios& before) : before_(before) {}
  const termios before_;
};

}  // namespace nacre::cli
