// The child's half of a fork: what must be ready before it and what runs between it and exec. For
// subprocess.cc only.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace nacre {

// What the child was doing when it failed.
enum class Step : int { kSession, kDeathSignal, kDescriptors, kFolder, kExec };

// What the child writes to `report_fd` before it gives up.
struct ChildFailure {
  Step step;
  int error_number;
};

struct FdMove {
  int source;
  int target;
};

// Everything the child needs, allocated before the fork.
struct ChildPlan {
  std::string program;
  std::vector<char*> argv;
  std::vector<char*> env;
  std::vector<FdMove> moves;  // by target, each target once
  const char* folder = nullptr;
  bool new_session = false;
  int death_signal = 0;
  pid_t parent = 0;
  int report_fd = -1;
  int first_free_fd = 0;  // above every target and every source
};

// The child's whole life: never returns, allocates nothing, takes no lock.
[[noreturn]] void RunChild(ChildPlan& plan);

}  // namespace nacre
