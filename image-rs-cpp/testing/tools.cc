#include "image-rs-cpp/testing/tools.h"

#include "base/strings.h"
#include "base/subprocess.h"

namespace nacre::image::testing {

bool HaveTools(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!PathExists("/usr/bin/" + name)) return false;
  }
  return true;
}

absl::StatusOr<std::string> RunTool(std::vector<std::string> argv, const std::string& folder,
                                    const std::vector<std::string>& environment) {
  SubprocessOptions options;
  const std::string name = argv.at(0);
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + folder};
  options.env->insert(options.env->end(), environment.begin(), environment.end());
  options.working_directory = folder;
  ASSIGN_OR_RETURN(CommandResult result, RunCommand(options));
  if (result.exit.code == 0) return std::move(result.out);
  return absl::InternalError(StrCat(name, ": ", result.err));
}

absl::StatusOr<std::unique_ptr<Buildah>> Buildah::Start() {
  ASSIGN_OR_RETURN(TemporaryDirectory storage, TemporaryDirectory::Create("buildah"));
  std::unique_ptr<Buildah> buildah(new Buildah(std::move(storage)));
  RETURN_IF_ERROR(MakeDirectories(buildah->context_));
  return buildah;
}

absl::StatusOr<std::string> Buildah::Run(std::vector<std::string> arguments) {
  std::vector<std::string> argv = {
      "buildah",   "--storage-driver",      "vfs", "--root", storage_.path() + "/root",
      "--runroot", storage_.path() + "/run"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunTool(std::move(argv), context_);
}

absl::Status Buildah::Build(const std::string& containerfile, const std::string& tag,
                            const std::vector<std::string>& options) {
  RETURN_IF_ERROR(WriteFile(context_ + "/Containerfile", AsBytes(containerfile)));
  std::vector<std::string> argv = {"bud", "--isolation", "chroot", "-q", "--layers", "-t", tag};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.push_back(".");
  return Run(std::move(argv)).status();
}

}  // namespace nacre::image::testing
