// Says in one line what was wrong with a command line, and what was probably meant.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace nacre {

// `error` as one line. An unknown verb or option is named with its nearest known neighbour:
//   "nacre: unknown verb 'rnu'; did you mean 'run'?"
//   "nacre run: unknown option '--kernel-args'; did you mean '--kernel-arg'?"
std::string DescribeUsageError(const CLI::App& app, const CLI::ParseError& error);

// "nacre run: unknown option ..." for an option of `verb` that does not exist.
std::string UnknownOption(const CLI::App& verb, const std::string& word);

// "nacre", "nacre run", "nacre kbs set-resource": the verb with all its parents.
std::string VerbPath(const CLI::App& verb);

}  // namespace nacre
