#include "guest-agent/init/modules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/strings.h"
#include "guest-agent/limits.h"

namespace nacre::guest_agent {

constexpr size_t kMaxList = 64 << 10;

absl::StatusOr<std::vector<KernelModule>> ParseModuleList(std::string_view text) {
  std::vector<KernelModule> out;
  int number = 0;
  for (const std::string_view raw : StrSplit(text, '\n')) {
    ++number;
    const std::string_view line = StripSpace(raw.substr(0, raw.find('#')));
    if (line.empty()) continue;
    if (!line.starts_with('/'))
      return absl::InvalidArgumentError(
          StrCat("modules.list line ", number, ": the path is not absolute"));
    if (out.size() == kMaxModules)
      return absl::ResourceExhaustedError(StrCat("modules.list: more than ", kMaxModules));
    const size_t space = line.find(' ');
    const std::string_view parameters = space == line.npos ? "" : line.substr(space + 1);
    out.push_back({std::string(line.substr(0, space)), std::string(StripSpace(parameters))});
  }
  return out;
}

absl::Status LoadModule(const KernelModule& module) {
  ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(module.path, O_RDONLY));
  const long loaded = syscall(SYS_finit_module, fd.get(), module.parameters.c_str(), 0);
  if (loaded == 0 || errno == EEXIST || errno == ENODEV) return absl::OkStatus();
  return ErrnoStatus(errno, StrCat("loading ", module.path));
}

absl::Status LoadModules(const std::string& list_path, std::string_view unwanted) {
  const auto text = ReadTextFile(list_path, kMaxList);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  RETURN_IF_ERROR(text.status());
  ASSIGN_OR_RETURN(const std::vector<KernelModule> modules, ParseModuleList(*text));
  for (const KernelModule& module : modules) {
    const std::string name = module.path.substr(module.path.rfind('/') + 1);
    if (!unwanted.empty() && name.find(unwanted) != name.npos) continue;
    RETURN_IF_ERROR(LoadModule(module));
  }
  return absl::OkStatus();
}

}  // namespace nacre::guest_agent
