#include "cli/policy_generate.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "policy/generate/annotate.h"
#include "policy/generate/difference.h"
#include "policy/generate/generate.h"
#include "policy/generate/learn.h"
#include "policy/generate/policy_data.h"
#include "tee/common/initdata.h"

namespace nacre::cli {
namespace {

using policy::ManifestFile;
using policy::Manifests;
using policy::Workload;

constexpr size_t kMaxSettings = 1 << 20;
constexpr size_t kMaxLog = size_t{64} << 20;
constexpr int kDifferent = 1;

struct GenerateOptions {
  std::vector<std::string> files;
  std::vector<std::string> settings;
  std::string output;
  std::string diff;
  std::string base;
  std::string cache;
  std::vector<std::string> layouts;
  bool offline = false;
};

struct Made {
  const Workload* workload;
  std::string policy;
  std::string initdata;
  std::map<std::string, std::string> pinned;
};

absl::StatusOr<policy::Settings> ReadSettings(const std::vector<std::string>& files) {
  policy::Settings settings;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(const std::string text, ReadTextFile(file, kMaxSettings));
    RETURN_IF_ERROR(policy::AddSettings(text, file, &settings));
  }
  return settings;
}

absl::StatusOr<policy::ImageSourceOptions> ImageOptions(const GenerateOptions& options,
                                                        const policy::Settings& settings) {
  policy::ImageSourceOptions out;
  out.cache = options.cache;
  out.offline = options.offline;
  out.mirrors = settings.mirrors;
  out.registry.insecure_registries = settings.insecure_registries;
  if (!settings.ca_file.empty()) {
    ASSIGN_OR_RETURN(out.registry.trusted_ca_pem, ReadTextFile(settings.ca_file, kMaxSettings));
  }
  for (const std::string& layout : options.layouts) {
    const size_t equals = layout.find('=');
    if (equals == layout.npos || equals == 0 || equals + 1 == layout.size()) {
      return absl::InvalidArgumentError(
          StrCat("--layout '", layout, "' is not IMAGE=FOLDER[:TAG]"));
    }
    out.layouts[layout.substr(0, equals)] = layout.substr(equals + 1);
  }
  return out;
}

absl::StatusOr<Made> MakeOne(const Manifests& manifests, const Workload& workload,
                             const policy::Settings& settings, policy::ImageSource* images,
                             const std::string& base) {
  Made made;
  made.workload = &workload;
  auto find = [&](const std::string& name) -> absl::StatusOr<policy::ImageFacts> {
    ASSIGN_OR_RETURN(policy::ImageFacts facts, images->Find(name));
    made.pinned[name] = policy::PinnedReference(facts);
    return facts;
  };
  ASSIGN_OR_RETURN(const Json data, policy::MakePolicyData(manifests, workload, settings, find));
  ASSIGN_OR_RETURN(made.policy, policy::FormatPolicy(data, workload, settings));
  ASSIGN_OR_RETURN(made.initdata, policy::FormatPolicyInitdata(made.policy, base));
  return made;
}

std::string FileStem(const Workload& workload) {
  std::string kind = workload.kind;
  for (char& c : kind) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return StrCat(kind, "-", workload.name);
}

absl::Status Write(const std::string& path, const std::string& text) {
  RETURN_IF_ERROR(WriteFileAtomic(path, AsBytes(text)));
  std::printf("%s\n", path.c_str());
  return absl::OkStatus();
}

absl::Status WriteManifest(const ManifestFile& file, const std::vector<Made>& all,
                           const std::string& folder) {
  std::vector<policy::Annotated> annotated;
  for (const Made& made : all) {
    if (made.workload->file != file.name) continue;
    ASSIGN_OR_RETURN(std::string value, tee::EncodeInitdataAnnotation(made.initdata));
    annotated.push_back({made.workload, std::move(value), made.pinned});
  }
  const auto name = std::filesystem::path(file.name).filename();
  const std::string path = (std::filesystem::path(folder) / name).string();
  std::error_code error;
  if (std::filesystem::equivalent(path, file.name, error)) {
    return absl::InvalidArgumentError(
        StrCat(path, " would be overwritten: name another folder with --output"));
  }
  ASSIGN_OR_RETURN(const std::string text, policy::AnnotateManifest(file, annotated));
  return Write(path, text);
}

absl::Status WriteAll(const Manifests& manifests, const std::vector<Made>& all,
                      const std::string& folder) {
  RETURN_IF_ERROR(MakeDirectories(folder));
  std::set<std::string> names;
  for (const Made& made : all) {
    const std::string stem = StrCat(folder, "/", FileStem(*made.workload));
    if (!names.insert(stem).second)
      return absl::InvalidArgumentError(StrCat("two workloads would be written to ", stem));
    RETURN_IF_ERROR(Write(stem + ".policy.rego", made.policy));
    RETURN_IF_ERROR(Write(stem + ".initdata.toml", made.initdata));
  }
  for (const auto& file : manifests.files) {
    RETURN_IF_ERROR(WriteManifest(*file, all, folder));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> PrintDifference(const std::vector<Made>& all, const std::string& old_file) {
  if (all.size() != 1) {
    return absl::InvalidArgumentError(
        StrCat("--diff compares one workload's policy; the files have ", all.size()));
  }
  ASSIGN_OR_RETURN(const std::string old_text, ReadTextFile(old_file, tee::kMaxInitdataDocument),
                   "--diff");
  ASSIGN_OR_RETURN(const auto lines, policy::PolicyDifference(old_text, all[0].policy));
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  return lines.empty() ? 0 : kDifferent;
}

absl::StatusOr<int> Generate(const GenerateOptions& options) {
  ASSIGN_OR_RETURN(const policy::Settings settings, ReadSettings(options.settings));
  Manifests manifests;
  for (const std::string& file : options.files) {
    ASSIGN_OR_RETURN(std::string text, ReadTextFile(file, policy::kMaxManifest));
    RETURN_IF_ERROR(policy::ReadManifests(file, std::move(text), &manifests));
  }
  if (manifests.workloads.empty())
    return absl::InvalidArgumentError("the files have no workload that runs pods");
  std::string base;
  if (!options.base.empty()) {
    ASSIGN_OR_RETURN(base, ReadTextFile(options.base, tee::kMaxInitdataDocument));
  }
  ASSIGN_OR_RETURN(policy::ImageSourceOptions image_options, ImageOptions(options, settings));
  policy::ImageSource images(std::move(image_options));
  std::vector<Made> all;
  for (const Workload& workload : manifests.workloads) {
    ASSIGN_OR_RETURN(Made made, MakeOne(manifests, workload, settings, &images, base));
    all.push_back(std::move(made));
  }
  if (!options.diff.empty()) return PrintDifference(all, options.diff);
  for (const std::string& note : policy::Cautions(manifests))
    std::fprintf(stderr, "note: %s\n", note.c_str());
  RETURN_IF_ERROR(WriteAll(manifests, all, options.output));
  return 0;
}

struct LearnOptions {
  std::string policy;
  std::vector<std::string> logs;
  std::string output;
};

absl::StatusOr<int> Learn(const LearnOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadTextFile(options.policy, tee::kMaxInitdataDocument));
  ASSIGN_OR_RETURN(const std::string policy_text, policy::PolicyIn(text), options.policy);
  std::string log;
  for (const std::string& file : options.logs) {
    ASSIGN_OR_RETURN(const std::string part, ReadTextFile(file, kMaxLog));
    StrAppend(&log, part, "\n");
  }
  ASSIGN_OR_RETURN(const policy::Learned learned, policy::LearnSettings(policy_text, log));
  std::fprintf(stderr, "%zu requests: %zu allowed, %zu refused\n",
               learned.allowed + learned.refused, learned.allowed, learned.refused);
  if (options.output.empty()) {
    std::fputs(learned.toml.c_str(), stdout);
  } else {
    RETURN_IF_ERROR(Write(options.output, learned.toml));
  }
  return 0;
}

template <typename Options, typename Run>
void OnParsed(CLI::App* verb, VerbResult* result, std::shared_ptr<Options> options, Run run) {
  verb->callback([options, result, run] {
    absl::StatusOr<int> code = run(*options);
    result->status = code.status();
    if (code.ok()) result->exit_code = *code;
  });
}

}  // namespace

void AddPolicyGenerateVerbs(CLI::App* policy, VerbResult* result) {
  CLI::App* generate = policy->add_subcommand(
      "generate", "Make a policy, initdata and annotated manifests from Kubernetes manifests");
  auto options = std::make_shared<GenerateOptions>();
  generate->add_option("-f,--file", options->files, "Manifests: workloads, ConfigMaps, Secrets")
      ->required();
  generate->add_option("-o,--output", options->output, "Folder for what is made");
  generate->add_option("--diff", options->diff,
                       "Say instead what changes against this policy or initdata; exit code 1 for "
                       "a difference");
  generate->add_option("--settings", options->settings, "Particulars of the cluster (TOML)");
  generate->add_option("--initdata", options->base, "Initdata whose other entries are kept");
  generate->add_option("--image-cache", options->cache, "Folder of image facts, read and written");
  generate->add_option("--layout", options->layouts, "IMAGE=FOLDER[:TAG], an OCI layout");
  generate->add_flag("--offline", options->offline, "Ask no registry");
  generate->callback([options, result] {
    if (options->output.empty() == options->diff.empty()) {
      result->status = absl::InvalidArgumentError("either --output or --diff is needed");
      return;
    }
    absl::StatusOr<int> code = Generate(*options);
    result->status = code.status();
    if (code.ok()) result->exit_code = *code;
  });

  CLI::App* learn = policy->add_subcommand(
      "learn", "Propose settings for what a generated policy would refuse of recorded requests");
  auto learning = std::make_shared<LearnOptions>();
  learn->add_option("POLICY", learning->policy, "policy.rego or initdata")->required();
  learn->add_option("--log", learning->logs, "Requests of a debug run, JSON lines")->required();
  learn->add_option("-o,--output", learning->output, "File to write (standard output)");
  OnParsed(learn, result, learning, Learn);
}

}  // namespace nacre::cli
