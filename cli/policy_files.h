// What every policy verb reads: modules, an input and a data document.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "policy/rego/engine.h"

namespace nacre::cli {

struct PolicyOptions {
  std::vector<std::string> modules;
  std::string input;  // file of JSON, or ""
  std::string data;
  std::string query;
  bool v0 = false;
  bool write = false;
  int count = 1000;
  std::string run;  // part of the names of the tests to run
};

// The files' content. Values live as long as this.
struct PolicyFiles {
  std::shared_ptr<const rego::Policy> policy;
  rego::Arena arena;
  rego::Value input;
  rego::Value data;
};

// The files, and all *.rego below the folders, of each folder in the order of their names.
absl::StatusOr<std::vector<std::string>> ModulePaths(const std::vector<std::string>& given);

// kNotFound and the like for files; kInvalidArgument with file, line and column for their content.
// All errors of the modules are put into `errors` if it is given.
absl::Status LoadPolicyFiles(const PolicyOptions& options, PolicyFiles* out,
                             std::vector<rego::Error>* errors = nullptr);
// `failed`, and what to do about it when the modules are of the other version of Rego.
absl::Status WithDialectHint(const absl::Status& failed, bool other_works, bool v0);

// Adds MODULE..., --v0, and as asked --input and --data.
void AddPolicyOptions(CLI::App* verb, PolicyOptions* options, bool documents);

}  // namespace nacre::cli
