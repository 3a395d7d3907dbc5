#include "cli/policy_files.h"

#include "base/file.h"
#include "policy/rego/json.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxDocument = 64 << 20;

absl::Status LoadDocument(const std::string& path, rego::Arena& arena, rego::Value* out) {
  if (path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxDocument));
  ASSIGN_OR_RETURN(*out, rego::ValueFromJson(arena, text), path);
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadPolicyFiles(const PolicyOptions& options, PolicyFiles* out) {
  std::vector<rego::ModuleSource> sources;
  for (const std::string& path : options.modules) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, rego::kMaxModuleBytes));
    sources.push_back({path, std::move(text)});
  }
  ASSIGN_OR_RETURN(out->policy, rego::Policy::Compile(sources, {.v1 = !options.v0}));
  RETURN_IF_ERROR(LoadDocument(options.input, out->arena, &out->input));
  RETURN_IF_ERROR(LoadDocument(options.data, out->arena, &out->data));
  if (out->data.defined() && !out->data.is_object()) {
    return absl::InvalidArgumentError("--data: the document is no object");
  }
  return absl::OkStatus();
}

void AddPolicyOptions(CLI::App* verb, PolicyOptions* options, bool documents) {
  verb->add_option("module", options->modules, "Files of Rego")->required();
  verb->add_flag("--v0", options->v0, "Modules are Rego v0 unless they import rego.v1");
  if (!documents) return;
  verb->add_option("--input", options->input, "JSON file: the input document");
  verb->add_option("--data", options->data, "JSON file: the base documents");
}

}  // namespace nacre::cli
