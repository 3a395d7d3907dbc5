#include "cli/policy_files.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/strings.h"
#include "policy/rego/json.h"

namespace nacre::cli {
namespace {

constexpr size_t kMaxDocument = 64 << 20;
constexpr size_t kMaxModules = 10'000;

absl::Status LoadDocument(const std::string& path, rego::Arena& arena, rego::Value* out) {
  if (path.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, kMaxDocument));
  ASSIGN_OR_RETURN(*out, rego::ValueFromJson(arena, text), path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ModulePaths(const std::vector<std::string>& given) {
  namespace fs = std::filesystem;
  std::vector<std::string> out;
  for (const std::string& path : given) {
    std::error_code failed;
    if (!fs::is_directory(path, failed)) {
      out.push_back(path);
      continue;
    }
    const size_t before = out.size();
    fs::recursive_directory_iterator entry(path, failed);
    for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
      if (entry->path().extension() == ".rego") out.push_back(entry->path());
      if (out.size() > kMaxModules)
        return absl::InvalidArgumentError(StrCat(path, ": more than ", kMaxModules, " modules"));
    }
    if (failed) return absl::UnavailableError(StrCat("reading ", path, ": ", failed.message()));
    if (out.size() == before) return absl::NotFoundError(StrCat(path, ": holds no file *.rego"));
    std::sort(out.begin() + static_cast<ptrdiff_t>(before), out.end());
  }
  return out;
}

absl::Status WithDialectHint(const absl::Status& failed, bool other_works, bool v0) {
  if (!other_works) return failed;
  absl::Status out(failed.code(), StrCat(Message(failed), v0 ? " (this is Rego v1: leave out --v0)"
                                                             : " (this is Rego v0: say --v0)"));
  return out;
}

absl::Status LoadPolicyFiles(const PolicyOptions& options, PolicyFiles* out,
                             std::vector<rego::Error>* errors) {
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, ModulePaths(options.modules));
  std::vector<rego::ModuleSource> sources;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(path, rego::kMaxModuleBytes));
    sources.push_back({path, std::move(text)});
  }
  auto policy = rego::Policy::Compile(sources, {.v1 = !options.v0}, errors);
  if (!policy.ok()) {
    const bool other_works = rego::Policy::Compile(sources, {.v1 = options.v0}).ok();
    return WithDialectHint(policy.status(), other_works, options.v0);
  }
  out->policy = *std::move(policy);
  RETURN_IF_ERROR(LoadDocument(options.input, out->arena, &out->input));
  RETURN_IF_ERROR(LoadDocument(options.data, out->arena, &out->data));
  if (out->data.defined() && !out->data.is_object()) {
    return absl::InvalidArgumentError("--data: the document is no object");
  }
  return absl::OkStatus();
}

void AddPolicyOptions(CLI::App* verb, PolicyOptions* options, bool documents) {
  verb->add_option("module", options->modules, "Files of Rego, or folders of them")->required();
  verb->add_flag("--v0", options->v0, "Modules are Rego v0 unless they import rego.v1");
  if (!documents) return;
  verb->add_option("--input", options->input, "JSON file: the input document");
  verb->add_option("--data", options->data, "JSON file: the base documents");
}

}  // namespace nacre::cli
