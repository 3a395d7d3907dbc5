// `nacre run`: one container in the foreground, through containerd.
#pragma once

#include "cli/run_spec.h"
#include "cli/verb.h"

namespace nacre::cli {

void AddRunVerb(CLI::App& app, VerbResult* result);

// The verb's work. The exit code is the container's; 128 + signal when a signal ended the start.
// What was made (fifos, task, container) is removed on every path on which containerd answers.
VerbResult RunContainer(RunOptions options);

}  // namespace nacre::cli
