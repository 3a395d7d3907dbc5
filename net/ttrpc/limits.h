// The numbers that bound ttrpc here. Each is tested at, below and above.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nacre::ttrpc {

// Longest payload of one frame (containerd's and Kata's limit). Longer ones are read past, never
// stored, and answered RESOURCE_EXHAUSTED.
inline constexpr size_t kMaxPayload = 4 << 20;

// Longest status message sent to a peer; the rest is cut off.
inline constexpr size_t kMaxStatusMessage = 8 << 10;

// After Stop(), how long a peer may take to read an answer that is already made.
inline constexpr int kFarewellMs = 1000;

// Stack of the threads that run calls and read connections. Pages are only used when touched.
inline constexpr size_t kThreadStack = 256 << 10;

}  // namespace nacre::ttrpc
