// How a verb of the `nacre` command plugs in. Each verb is one file pair with one function:
//
//   void AddVersionVerb(CLI::App& app, VerbResult* result);
//
// which adds a subcommand, its options and a callback. The callback does the work and leaves its
// outcome in `result`; it never prints an error or exits by itself. Options a callback needs live
// in a std::shared_ptr that it captures.
#pragma once

#include <CLI/CLI.hpp>

#include "base/status.h"

namespace nacre::cli {

struct VerbResult {
  // When not OK, main prints "nacre <verb>: <message>" as one line on stderr.
  absl::Status status;
  // The exit code of the command; when `status` is not OK and this is 0, it is 1.
  int exit_code = 0;
};

}  // namespace nacre::cli
