#include "attestation/broker/logged_program.h"

#include <signal.h>
#include <unistd.h>

#include "base/file.h"
#include "base/status_testing.h"

namespace nacre::attestation::testing {

LoggedProgram::LoggedProgram(const std::string& name, std::vector<std::string> arguments) {
  auto pipe = MakePipe();
  EXPECT_OK(pipe);
  reader_ = std::move(pipe->read_end);
  SubprocessOptions options;
  options.argv = {std::string(NACRE_BIN_DIR) + "/" + name};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.stdout_fd = pipe->write_end.get();
  options.stderr_fd = pipe->write_end.get();
  auto started = Subprocess::Start(options);
  EXPECT_OK(started);
  process_.emplace(*std::move(started));
}

LoggedProgram::~LoggedProgram() {
  if (!ended_) Stop(SIGKILL);
}

std::string LoggedProgram::WaitForLine(std::string_view text) {
  std::string line;
  char c;
  while (read(reader_.get(), &c, 1) == 1) {
    output += c;
    if (c != '\n') {
      line += c;
      continue;
    }
    if (line.find(text) != std::string::npos) return line;
    line.clear();
  }
  return "";
}

void LoggedProgram::Signal(int signal) { EXPECT_OK(process_->Kill(signal)); }

int LoggedProgram::Wait() {
  ended_ = true;
  WaitForLine("\n");  // never found: all of the output
  auto exit = process_->WaitFor(10'000);
  return exit.ok() ? exit->code : -1;
}

}  // namespace nacre::attestation::testing
