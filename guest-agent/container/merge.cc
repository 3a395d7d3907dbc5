#include "guest-agent/container/merge.h"

#include <algorithm>
#include <map>

namespace nacre::guest_agent {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool HasNul(std::string_view text) { return text.find('\0') != text.npos; }

// Later entries replace earlier ones of the same name, in the earlier one's place. Values never go
// into a message: they may be secret.
class Environment {
 public:
  absl::Status Add(const auto& entries);
  void MoveTo(grpc::Process* process);

 private:
  std::vector<std::string> entries_;
  std::map<std::string, size_t, std::less<>> index_;  // name -> place in entries_
};

absl::Status Environment::Add(const auto& entries) {
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    if (equals == entry.npos || equals == 0 || HasNul(entry))
      return absl::InvalidArgumentError("process: an environment entry is not NAME=value");
    const auto [place, added] = index_.emplace(entry.substr(0, equals), entries_.size());
    if (added) {
      entries_.push_back(entry);
    } else {
      entries_[place->second] = entry;
    }
  }
  return absl::OkStatus();
}

void Environment::MoveTo(grpc::Process* process) {
  if (!index_.contains("PATH")) entries_.emplace_back(kDefaultPath);
  process->clear_env();
  for (std::string& entry : entries_) process->add_env(std::move(entry));
}

absl::Status CheckArgs(const grpc::Process& process) {
  if (process.args().empty() || process.args(0).empty())
    return absl::InvalidArgumentError(
        "process: neither the request nor the image says what to run");
  for (const std::string& arg : process.args()) {
    if (HasNul(arg)) return absl::InvalidArgumentError("process: an argument holds a NUL byte");
  }
  return absl::OkStatus();
}

absl::Status SetWorkingDirectory(std::string_view fallback, grpc::Process* process) {
  if (process->cwd().empty() || process->cwd() == "/")
    process->set_cwd(fallback.empty() ? "/" : std::string(fallback));
  if (!process->cwd().starts_with('/') || HasNul(process->cwd()))
    return absl::InvalidArgumentError("process: the working directory is not an absolute path");
  return absl::OkStatus();
}

// What a host sends that knows no user: ids 0, no name. containerd adds group 0 to root.
bool NamesNobody(const grpc::User& user) {
  return user.uid() == 0 && user.gid() == 0 && user.username().empty() &&
         std::ranges::all_of(user.additionalgids(), [](uint32_t gid) { return gid == 0; });
}

void SetUser(const ContainerUser& user, grpc::User* out) {
  out->Clear();
  out->set_uid(user.uid);
  out->set_gid(user.gid);
  for (const uint32_t gid : user.additional_gids) out->add_additionalgids(gid);
}

}  // namespace

absl::StatusOr<grpc::Process> MergeContainerProcess(const grpc::Process& request,
                                                    const ImageDefaults& image,
                                                    const AccountFiles& accounts) {
  grpc::Process process = request;
  if (process.args().empty()) {
    for (const std::string& arg : image.entrypoint) process.add_args(arg);
    for (const std::string& arg : image.command) process.add_args(arg);
  }
  RETURN_IF_ERROR(CheckArgs(process));
  Environment environment;
  RETURN_IF_ERROR(environment.Add(image.environment));
  RETURN_IF_ERROR(environment.Add(request.env()));
  environment.MoveTo(&process);
  RETURN_IF_ERROR(SetWorkingDirectory(image.working_directory, &process));
  const std::string& name = request.user().username();
  if (!name.empty() || NamesNobody(request.user())) {
    ASSIGN_OR_RETURN(const ContainerUser user,
                     ResolveUser(name.empty() ? image.user : name, accounts));
    SetUser(user, process.mutable_user());
  }
  return process;
}

absl::StatusOr<grpc::Process> MergeExecProcess(const grpc::Process& request,
                                               const grpc::Process& container,
                                               const AccountFiles& accounts) {
  grpc::Process process = request;
  RETURN_IF_ERROR(CheckArgs(process));
  Environment environment;
  RETURN_IF_ERROR(environment.Add(container.env()));
  RETURN_IF_ERROR(environment.Add(request.env()));
  environment.MoveTo(&process);
  RETURN_IF_ERROR(SetWorkingDirectory(container.cwd(), &process));
  if (!request.user().username().empty()) {
    ASSIGN_OR_RETURN(const ContainerUser user, ResolveUser(request.user().username(), accounts));
    SetUser(user, process.mutable_user());
  } else if (NamesNobody(request.user())) {
    *process.mutable_user() = container.user();
  }
  if (!request.has_capabilities()) *process.mutable_capabilities() = container.capabilities();
  if (request.rlimits().empty()) *process.mutable_rlimits() = container.rlimits();
  process.set_nonewprivileges(request.nonewprivileges() || container.nonewprivileges());
  return process;
}

}  // namespace nacre::guest_agent
