#include "runtime/hypervisor/sandbox_files.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"

namespace nacre::runtime {

absl::StatusOr<SandboxFiles> MakeSandboxFiles(const SandboxPlan& plan) {
  SandboxFiles files;
  files.folder = plan.sandbox_dir;
  const std::string parent = plan.sandbox_dir.substr(0, plan.sandbox_dir.rfind('/'));
  RETURN_IF_ERROR(MakeDirectories(parent, 0700), "sandbox folder");
  if (::mkdir(files.folder.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, StrCat("sandbox folder ", files.folder));
  }
  if (plan.tee == Tee::kEmulatedSnp) {
    files.launch_json = StrCat(files.folder, "/launch.json");
    ASSIGN_OR_RETURN(tee::LaunchInputs inputs, PlanLaunchInputs(plan));
    ASSIGN_OR_RETURN(std::string text, tee::SerializeLaunchInputs(inputs));
    RETURN_IF_ERROR(WriteFile(files.launch_json, AsBytes(text), 0600));
  }
  return files;
}

}  // namespace nacre::runtime
