// PID 1 of the guest: mounts, loads modules, starts the agent, reaps, and powers the machine off
// when the agent ends, however it ends. One thread and no cleverness.
#pragma once

namespace nacre::guest_agent {

// `agent` is what the child process runs; its result is the child's exit code. Never returns.
[[noreturn]] void RunInit(int (*agent)());

}  // namespace nacre::guest_agent
