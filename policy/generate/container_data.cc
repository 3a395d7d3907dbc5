#include "policy/generate/container_data.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "policy/generate/environment.h"
#include "policy/generate/mount_data.h"
#include "policy/generate/policy_data.h"

namespace nacre::policy {
namespace {

// Linux 6.12, include/uapi/linux/capability.h.
constexpr const char* kCapabilities[] = {"AUDIT_CONTROL",   "AUDIT_READ",   "AUDIT_WRITE",
                                         "BLOCK_SUSPEND",   "BPF",          "CHECKPOINT_RESTORE",
                                         "CHOWN",           "DAC_OVERRIDE", "DAC_READ_SEARCH",
                                         "FOWNER",          "FSETID",       "IPC_LOCK",
                                         "IPC_OWNER",       "KILL",         "LEASE",
                                         "LINUX_IMMUTABLE", "MAC_ADMIN",    "MAC_OVERRIDE",
                                         "MKNOD",           "NET_ADMIN",    "NET_BIND_SERVICE",
                                         "NET_BROADCAST",   "NET_RAW",      "PERFMON",
                                         "SETFCAP",         "SETGID",       "SETPCAP",
                                         "SETUID",          "SYSLOG",       "SYS_ADMIN",
                                         "SYS_BOOT",        "SYS_CHROOT",   "SYS_MODULE",
                                         "SYS_NICE",        "SYS_PACCT",    "SYS_PTRACE",
                                         "SYS_RAWIO",       "SYS_RESOURCE", "SYS_TIME",
                                         "SYS_TTY_CONFIG",  "WAKE_ALARM"};

absl::Status Refused(const ContainerInput& input, std::string_view why) {
  return absl::InvalidArgumentError(StrCat(input.container.where, ": ", why));
}

absl::StatusOr<std::set<std::string>> NamedCapabilities(const ContainerInput& input,
                                                        const std::vector<std::string>& names) {
  std::set<std::string> out;
  for (std::string name : names) {
    for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    if (name.starts_with("CAP_")) name.erase(0, 4);
    const bool all = name == "ALL";
    const auto* found = std::find_if(std::begin(kCapabilities), std::end(kCapabilities),
                                     [&](const char* known) { return name == known; });
    if (!all && found == std::end(kCapabilities)) {
      return Refused(input, StrCat("capability '", name, "' is not known"));
    }
    for (const char* known : kCapabilities) {
      if (all || name == known) out.insert(StrCat("CAP_", known));
    }
  }
  return out;
}

absl::Status PutCapabilities(const ContainerInput& input, Json* out) {
  const WorkloadContainer& container = input.container;
  if (container.add_capabilities.empty() && container.drop_capabilities.empty())
    return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto add, NamedCapabilities(input, container.add_capabilities));
  ASSIGN_OR_RETURN(const auto drop, NamedCapabilities(input, container.drop_capabilities));
  // As containerd does: ALL first, then single ones.
  Json granted = Json::object();
  for (const std::string& name : input.settings.capabilities) {
    if (!drop.contains(name)) granted[name] = true;
  }
  for (const std::string& name : add) {
    const bool single = add.size() < std::size(kCapabilities);
    if (single || !drop.contains(name)) granted[name] = true;
  }
  (*out)["capabilities"] = granted;
  return absl::OkStatus();
}

// The ids that Kubernetes or, failing it, the image gives.
absl::Status PutUsers(const ContainerInput& input, Json* out) {
  const SecurityContext& own = input.container.security;
  const SecurityContext& pod = input.workload.security;
  const auto user = own.user.has_value() ? own.user : pod.user;
  const auto group = own.group.has_value() ? own.group : pod.group;
  const std::string name = user.has_value() ? StrCat(*user) : input.image.config.user;
  const image::AccountFiles none;
  const bool known = input.image.accounts.has_value();
  auto found = image::ResolveUser(name, known ? *input.image.accounts : none);
  if (!found.ok() && !known) {
    return Refused(input, StrCat("the image's user '", name,
                                 "' stands in its encrypted layers: set runAsUser and runAsGroup"));
  }
  if (!found.ok()) return Refused(input, StrCat("user '", name, "': ", Message(found.status())));
  const int64_t gid = group.value_or(found->gid);
  std::vector<int64_t> groups = input.workload.groups;
  if (input.workload.fs_group.has_value()) groups.push_back(*input.workload.fs_group);
  const auto non_root = own.non_root.has_value() ? own.non_root : pod.non_root;
  if (non_root.value_or(false) && found->uid == 0) {
    return Refused(input, "runAsNonRoot, but the user is root");
  }
  Json users = Json::array();
  users.push_back(UserData(found->uid, gid, groups));
  if (!found->additional_gids.empty()) {
    // Whether the runtime on the host saw the image's /etc/group or not.
    std::vector<int64_t> more = groups;
    more.insert(more.end(), found->additional_gids.begin(), found->additional_gids.end());
    users.push_back(UserData(found->uid, gid, more));
  }
  const bool unsaid = !user.has_value() && !group.has_value() && groups.empty();
  if (unsaid && input.settings.guest_fills_in && found->uid != 0) {
    users.push_back(UserData(0, 0, {}));
  }
  (*out)["users"] = users;
  return absl::OkStatus();
}

absl::Status PutCommand(const ContainerInput& input, const Environment& environment, Json* out) {
  const WorkloadContainer& container = input.container;
  const image::ImageConfig& image = input.image.config;
  std::vector<std::string> command;
  const bool own_command = !container.command.empty();
  for (const std::string& part : own_command ? container.command : image.entrypoint) {
    command.push_back(part);
  }
  const bool own_args = !container.args.empty();
  if (own_args || !own_command) {
    for (const std::string& part : own_args ? container.args : image.cmd) command.push_back(part);
  }
  // $(NAME) is the manifest's language, not the image's.
  const size_t image_parts = own_command ? 0 : image.entrypoint.size();
  for (size_t i = 0; i < command.size(); ++i) {
    const bool from_image = own_command ? false : i < image_parts || !own_args;
    if (from_image) continue;
    ASSIGN_OR_RETURN(command[i], Expand(command[i], environment, container.where));
  }
  if (command.empty()) return Refused(input, "neither the manifest nor the image has a command");
  Json args = Json::array();
  args.push_back(command);
  if (!own_command && !own_args && input.settings.guest_fills_in) args.push_back(Json::array());
  (*out)["args"] = args;

  Json cwd = Json::array();
  cwd.push_back(!container.working_dir.empty() ? container.working_dir
                : image.working_dir.empty()    ? "/"
                                               : image.working_dir);
  if (container.working_dir.empty() && input.settings.guest_fills_in && cwd[0] != "/")
    cwd.push_back("/");
  (*out)["cwd"] = cwd;

  Json exec = Json::array();
  for (const auto& words : container.exec) exec.push_back(words);
  for (const auto& words : input.settings.exec) exec.push_back(words);
  (*out)["exec"] = exec;
  return absl::OkStatus();
}

void PutEnvironment(const Environment& environment, Json* out) {
  Json env = Json::object();
  Json from = Json::object();
  Json required = Json::array();
  for (const auto& [name, value] : environment) {
    if (value.required) required.push_back(name);
    if (value.kind == EnvValue::Kind::kText) env[name] = value.text;
    if (value.kind == EnvValue::Kind::kSha256) from[name] = {{"sha256", value.text}};
    if (value.kind == EnvValue::Kind::kPattern) from[name] = {{"pattern", value.text}};
  }
  (*out)["env"] = env;
  if (!from.empty()) (*out)["env_from"] = from;
  (*out)["env_required"] = required;
}

void PutImage(const ContainerInput& input, Json* out) {
  image::ImageReference by_digest = input.image.reference;
  by_digest.digest = input.image.digest;
  const std::string with_tag = by_digest.ToString();
  by_digest.tag.clear();
  std::set<std::string> images = {by_digest.ToString(), with_tag};
  std::set<std::string> names = images;
  names.insert(input.container.image);
  names.insert(input.image.reference.ToString());
  (*out)["images"] = images;
  (*out)["image_names"] = names;
}

}  // namespace

Json UserData(int64_t uid, int64_t gid, std::vector<int64_t> groups) {
  groups.push_back(gid);
  const std::set<int64_t> sorted(groups.begin(), groups.end());
  return {{"uid", uid}, {"gid", gid}, {"groups", sorted}};
}

absl::StatusOr<Json> MakeContainerData(const ContainerInput& input) {
  const WorkloadContainer& container = input.container;
  Json out = {
      {"name", container.name},           {"devices", container.devices},
      {"gpus", container.gpus},           {"no_new_privileges", container.no_new_privileges},
      {"read_only", container.read_only}, {"service_links", input.workload.service_links},
      {"terminal", container.terminal}};
  if (container.unmasked) out["unmasked"] = true;
  const auto seccomp = container.security.seccomp.has_value() ? container.security.seccomp
                                                              : input.workload.security.seccomp;
  if (seccomp.value_or(false)) out["seccomp"] = true;
  PutImage(input, &out);
  ASSIGN_OR_RETURN(const Environment environment,
                   MakeEnvironment({input.manifests, input.workload, container, input.settings,
                                    input.image.config.env}));
  PutEnvironment(environment, &out);
  RETURN_IF_ERROR(PutCommand(input, environment, &out));
  RETURN_IF_ERROR(PutUsers(input, &out));
  RETURN_IF_ERROR(PutCapabilities(input, &out));
  PutMounts(input, &out);
  return out;
}

}  // namespace nacre::policy
