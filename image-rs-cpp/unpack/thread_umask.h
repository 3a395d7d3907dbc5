// The umask belongs to all threads of a process together. A thread that has its own makes files
// with exactly the mode it asks for, and so saves a chmod for each of them.
#pragma once

namespace nacre::image {

// Gives the calling thread a umask (and working folder) of its own, zero from now on. Where that
// cannot be had, ThreadHasNoUmask() stays false.
void ClearThreadUmask();
bool ThreadHasNoUmask();

}  // namespace nacre::image
