// What the host may make the agent hold, read or wait for. Each limit is tested at, below and
// above.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::guest_agent {

inline constexpr size_t kMaxCommandLine = 4096;     // COMMAND_LINE_SIZE of x86 is 2048
inline constexpr size_t kMaxIdLength = 128;         // container and exec ids
inline constexpr size_t kMaxContainers = 64;        // per sandbox
inline constexpr size_t kMaxExecs = 128;            // per container, init included
inline constexpr size_t kMaxReadLength = 1 << 20;   // one ReadStdout/ReadStderr answer
inline constexpr size_t kMaxAccountFile = 1 << 20;  // /etc/passwd and /etc/group of an image
inline constexpr size_t kMaxRandomSeed = 4096;      // ReseedRandomDev
inline constexpr size_t kMaxDnsLines = 64;          // CreateSandbox
inline constexpr size_t kMaxModules = 256;          // lines of modules.list
inline constexpr size_t kMaxInterfaces = 64;
inline constexpr size_t kMaxRoutes = 256;
inline constexpr size_t kMaxPendingOomEvents = 64;
inline constexpr int kCrunTimeoutMs = 60000;  // one call of crun

}  // namespace nacre::guest_agent
