// For tests: one of this room's programs as a process whose log the test reads on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/subprocess.h"
#include "base/unique_fd.h"

namespace nacre::attestation::testing {

// Failures to start it fail the test; its end kills it.
class LoggedProgram {
 public:
  // `name` of a program of this build, such as "nacre-kbs".
  LoggedProgram(const std::string& name, std::vector<std::string> arguments);
  ~LoggedProgram();
  LoggedProgram(const LoggedProgram&) = delete;
  LoggedProgram& operator=(const LoggedProgram&) = delete;

  // Reads on until a line of its output (standard output and error) holds `text`; "" at the end.
  std::string WaitForLine(std::string_view text);
  void Signal(int signal);
  // Its exit code, once it ends; -1 when it was killed or does not end within ten seconds.
  int Wait();
  int Stop(int signal) {
    Signal(signal);
    return Wait();
  }

  std::string output;  // what was read so far

 private:
  UniqueFd reader_;
  std::optional<Subprocess> process_;
  bool ended_ = false;
};

}  // namespace nacre::attestation::testing
