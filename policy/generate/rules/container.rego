# Rules of a generated policy: containers. The workload is in policy_data (docs/reference/
# generated-policy.md), which `nacre policy generate` writes below the rules; nothing here depends on
# one workload. `input` is the request, data.pstate what the policy remembers:
#
#   containers  by id: {"name": of the workload's container, "nnp": its no_new_privileges}
#   netns       the network namespaces of the first container, which all others must have
package agent_policy

import rego.v1

default CreateContainerRequest := false

# A container of the pod.
CreateContainerRequest := {"allowed": true, "ops": remember(workload_container)} if {
	want := policy_data.containers[workload_container]
	allow_container(want)
}

# The pause container of a Kubernetes pod.
CreateContainerRequest := {"allowed": true, "ops": remember("")} if {
	container_type == "sandbox"
	allow_container(policy_data.pause)
}

container_type := input.OCI.Annotations["io.kubernetes.cri.container-type"]

# Who writes no name (nerdctl, nacre run) can only mean the one there is.
workload_container := input.OCI.Annotations["io.kubernetes.cri.container-name"] if {
	container_type == "container"
}

workload_container := policy_data.only if {
	not container_type
}

allow_container(want) if {
	plain_id(input.container_id)
	input.string_user == null
	input.shared_mounts == []
	input.sandbox_pidns == policy_data.pod.share_pid
	startswith(input.OCI.Version, "1.")
	nothing_foreign(input.OCI)
	allow_annotations(want)
	allow_process(want, input.OCI.Process)
	input.OCI.Root.Readonly == want.read_only
	allow_root_path(input.OCI.Root.Path)
	allow_linux(want, input.OCI.Linux)
	allow_mounts(want, input.OCI.Mounts)
	allow_storages(want)
	allow_devices(want)
	allow_network_namespace
}

# What no container of a pod has.
nothing_foreign(spec) if {
	spec.Solaris == null
	spec.Windows == null
	no_hooks(spec.Hooks)
	label(spec.Hostname)
}

no_hooks(hooks) if hooks == null

no_hooks(hooks) if every list in hooks { list == [] }

# An id of a container: no path, nothing a JSON pointer gives a meaning to.
plain_id(id) if trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-") == ""

label(name) if trim(lower(name), "0123456789abcdefghijklmnopqrstuvwxyz.-") == ""

# The id that containerd gave: the last name in the path of its bundle.
bundle_id := substring(path, last + 1, -1) if {
	path := input.OCI.Annotations["io.katacontainers.pkg.oci.bundle_path"]
	slashes := indexof_n(path, "/")
	last := slashes[count(slashes) - 1]
} else := input.container_id

allow_root_path(path) if path == concat("", ["/run/kata-containers/", bundle_id, "/rootfs"])

allow_root_path(path) if {
	path == concat("", ["/run/kata-containers/shared/containers/", bundle_id, "/rootfs"])
	policy_data.settings.partial
}

# Annotations: those of container runtimes, which say nothing to a guest, and the pod's own.
allow_annotations(want) if {
	every key, value in input.OCI.Annotations { allow_annotation(want, key, value) }
}

allow_annotation(want, "io.kubernetes.cri.container-name", value) if value == want.name

allow_annotation(want, "io.kubernetes.cri.image-name", value) if value in want.image_names

allow_annotation(_, "io.kubernetes.cri.sandbox-name", value) if {
	regex.match(policy_data.pod.name, value)
}

allow_annotation(_, "io.kubernetes.cri.sandbox-namespace", value) if {
	regex.match(policy_data.pod.namespace, value)
}

allow_annotation(_, key, _) if {
	some prefix in policy_data.settings.annotation_prefixes
	startswith(key, prefix)
	not key in checked_annotations
}

checked_annotations := {
	"io.kubernetes.cri.container-name",
	"io.kubernetes.cri.image-name",
	"io.kubernetes.cri.sandbox-name",
	"io.kubernetes.cri.sandbox-namespace",
}

allow_annotation(_, "io.katacontainers.config.hypervisor.cc_init_data", _)

allow_annotation(_, key, value) if policy_data.pod.annotations[key] == value

allow_annotation(want, key, value) if {
	want.gpus > 0
	allow_gpu_annotation(key, value)
}

# The process.
allow_process(want, got) if {
	got.Terminal == want.terminal
	got.Args in want.args
	got.Cwd in want.cwd
	allow_user(want, got.User)
	allow_capabilities(want, got.Capabilities)
	allow_no_new_privileges(want, got.NoNewPrivileges)
	allow_environment(want, got.Env)
	got.SelinuxLabel == ""
	got.ApparmorProfile in policy_data.settings.apparmor_profiles
	got.Rlimits == []
}

allow_user(want, got) if {
	got.Username == ""
	some user in want.users
	got.UID == user.uid
	got.GID == user.gid
	{gid | some gid in got.AdditionalGids} | {user.gid} == {gid | some gid in user.groups}
}

allow_capabilities(want, got) if {
	got.Ambient == []
	got.Inheritable == []
	granted := object.get(want, "capabilities", policy_data.capabilities)
	every name in got.Bounding { granted[name] }
	every name in got.Effective { granted[name] }
	every name in got.Permitted { granted[name] }
}

allow_no_new_privileges(want, got) if got == true

allow_no_new_privileges(want, got) if not want.no_new_privileges

allow_environment(want, got) if {
	every entry in got { allow_variable(want, entry) }
	whole_environment(want, got)
}

allow_variable(want, entry) if {
	at := indexof(entry, "=")
	allow_value(want, substring(entry, 0, at), substring(entry, at + 1, -1))
}

# A variable of the workload or of its image has its value there and no other.
allow_value(want, name, value) if want.env[name] == value

# A variable whose value the workload takes from elsewhere.
allow_value(want, name, value) if allow_kind(want.env_from[name], value)

# A variable that every container of this cluster may have, and that this one does not set.
allow_value(want, name, value) if {
	not want.env[name]
	not want.env_from[name]
	some form in policy_data.settings.env
	regex.match(form.name, name)
	regex.match(form.value, value)
	allow_service(want, form)
}

allow_service(_, form) if not form.service

allow_service(want, form) if want.service_links

allow_kind(from, value) if from.sha256 == crypto.sha256(value)

allow_kind(from, value) if regex.match(from.pattern, value)

whole_environment(want, got) if {
	names := {substring(entry, 0, indexof(entry, "=")) | some entry in got}
	every name in want.env_required { name in names }
}

whole_environment(_, _) if policy_data.settings.partial

# The kernel's part.
allow_linux(want, got) if {
	got.UIDMappings == []
	got.GIDMappings == []
	got.IntelRdt == null
	got.Devices == []
	got.MountLabel == ""
	got.RootfsPropagation == ""
	regex.match(policy_data.settings.cgroup_path, got.CgroupsPath)
	not contains(got.CgroupsPath, "..")
	every name, value in got.Sysctl { policy_data.sysctls[name] == value }
	allow_seccomp(want, got.Seccomp)
	allow_namespaces(got.Namespaces)
	allow_device_rules(got.Resources)
	allow_paths(want, got)
}

# What of /proc and /sys is hidden.
allow_paths(want, _) if want.unmasked

allow_paths(_, got) if {
	masked := {path | some path in got.MaskedPaths}
	every path in policy_data.masked_paths { path in masked }
	read_only := {path | some path in got.ReadonlyPaths}
	every path in policy_data.readonly_paths { path in read_only }
}

# A filter of system calls only takes away, unless it pretends that a call succeeded.
allow_seccomp(_, filter) if filter == null

allow_seccomp(want, filter) if {
	want.seccomp
	filter.DefaultAction in {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS"}
	every rule in filter.Syscalls { allow_seccomp_rule(rule) }
}

allow_seccomp_rule(rule) if {
	rule.Action in {"SCMP_ACT_ALLOW", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS"}
}

allow_seccomp_rule(rule) if {
	rule.Action == "SCMP_ACT_ERRNO"
	rule.ErrnoRet == null
}

allow_seccomp_rule(rule) if {
	rule.Action == "SCMP_ACT_ERRNO"
	rule.ErrnoRet.Errnoret > 0
}

allow_namespaces(got) if {
	types := {space.Type | some space in got}
	count(types) == count(got)
	{"ipc", "uts", "mount"} - types == set()
	types - {"ipc", "uts", "mount", "pid", "network", "cgroup"} == set()
	every space in got { allow_namespace(space) }
}

allow_namespace(space) if space.Path == ""

allow_namespace(space) if space.Type == "network"

network_namespaces := [space.Path | some space in input.OCI.Linux.Namespaces; space.Type == "network"]

allow_network_namespace if not data.pstate.netns

allow_network_namespace if data.pstate.netns == network_namespaces

# Device rules: none may open more than the devices that every container has.
allow_device_rules(resources) if resources == null

allow_device_rules(resources) if {
	every rule in resources.Devices { allow_device_rule(rule) }
}

allow_device_rule(rule) if rule.Allow == false

allow_device_rule(rule) if {
	rule.Type == "c"
	[rule.Major, rule.Minor] in [[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2], [136, -1]]
}

# What is remembered of a container once it runs.
remember(name) := array.concat(first_container, [{
	"op": "add",
	"path": concat("/", ["/pstate/containers", input.container_id]),
	"value": {"name": name, "nnp": input.OCI.Process.NoNewPrivileges},
}])

first_container := [] if data.pstate.containers

first_container := [
	{"op": "add", "path": "/pstate/containers", "value": {}},
	{"op": "add", "path": "/pstate/netns", "value": network_namespaces},
] if {
	not data.pstate.containers
}

# Running containers.
default RemoveContainerRequest := false

RemoveContainerRequest := {"allowed": true, "ops": [{
	"op": "remove",
	"path": concat("/", ["/pstate/containers", input.container_id]),
}]} if {
	data.pstate.containers[input.container_id]
}

# One that never came to be.
RemoveContainerRequest := true if not data.pstate.containers[input.container_id]

default StartContainerRequest := false

StartContainerRequest if data.pstate.containers[input.container_id]

default ExecProcessRequest := false

ExecProcessRequest if {
	held := data.pstate.containers[input.container_id]
	want := policy_data.containers[held.name]
	input.string_user == null
	allow_exec(want, held, input.process)
}

allow_exec(want, held, got) if {
	got.Args in want.exec
	got.Terminal == false
	got.Cwd in want.cwd
	allow_user(want, got.User)
	allow_exec_capabilities(want, got.Capabilities)
	got.NoNewPrivileges == held.nnp
	every entry in got.Env { allow_variable(want, entry) }
	got.SelinuxLabel == ""
	got.ApparmorProfile in policy_data.settings.apparmor_profiles
	got.Rlimits == []
}

# The container's: not stated, or all of them.
allow_exec_capabilities(_, got) if got == null

allow_exec_capabilities(want, got) if {
	allow_capabilities(want, got)
	count(got.Bounding) == count(object.get(want, "capabilities", policy_data.capabilities))
}
