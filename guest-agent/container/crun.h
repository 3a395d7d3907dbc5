// The OCI runtime as a program. Each call runs crun once and waits for it; containers and their
// processes outlive the call and become children of the caller, which must be a child subreaper.
#pragma once

#include <sys/types.h>

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace nacre::guest_agent {

struct CrunOptions {
  std::string program = "/usr/bin/crun";
  std::string state_folder = "/run/nacre/crun";  // --root
  std::string cgroup_manager = "cgroupfs";
  int timeout_ms = 60000;  // one call
};

// Descriptors the process gets; not taken over. With a terminal they are unused (-1).
struct CrunStdio {
  int input = -1;
  int output = -1;
  int error = -1;
};

// Thread-safe.
class Crun {
 public:
  explicit Crun(CrunOptions options) : options_(std::move(options)) {}

  struct Launched {
    pid_t pid = -1;
    UniqueFd terminal;  // master of the pseudo terminal, when one was asked for
  };
  // `crun create`: the container's first process waits for Start. `bundle` holds config.json;
  // the call leaves its own files (pid, log) beside it.
  absl::StatusOr<Launched> Create(const std::string& id, const std::string& bundle, bool terminal,
                                  const CrunStdio& stdio);
  absl::Status Start(const std::string& id, const std::string& bundle);
  // `crun exec --detach` with the OCI process document in `process_file`; call files go to
  // `folder`.
  absl::StatusOr<Launched> Exec(const std::string& id, const std::string& folder,
                                const std::string& process_file, bool terminal,
                                const CrunStdio& stdio);
  // Kills what still runs and forgets the container. An unknown id is OK.
  absl::Status Delete(const std::string& id, const std::string& bundle);

 private:
  absl::Status Run(std::vector<std::string> arguments, const std::string& folder,
                   const CrunStdio& stdio);
  absl::StatusOr<Launched> Launch(std::vector<std::string> arguments, const std::string& id,
                                  const std::string& folder, bool terminal, const CrunStdio& stdio);
  // What to execute: a sealed copy of the program, made at the first call.
  std::string Program();

  const CrunOptions options_;
  std::once_flag sealed_once_;
  UniqueFd sealed_;
};

// What crun said, fit for the host's eyes: the last line of its log without quoted words and paths,
// which may come from the image or the owner's arguments.
std::string SafeCrunMessage(std::string_view log);

}  // namespace nacre::guest_agent
