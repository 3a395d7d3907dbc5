# Rules of a generated policy: the sandbox, files copied in, the network.
package agent_policy

import rego.v1

default CreateSandboxRequest := false

CreateSandboxRequest if {
	input.guest_hook_path == ""
	input.kernel_modules == []
	input.sandbox_pidns == policy_data.pod.share_pid
	label(input.hostname)
	every line in input.dns { allow_resolver_line(line) }
	every storage in input.storages { allow_shared_memory(storage) }
}

allow_resolver_line(line) if {
	not contains(line, "\n")
	regex.match(`^(nameserver|search|domain|options|sortlist)[ \t]|^[ \t]*[#;]|^$`, line)
}

allow_shared_memory(storage) if {
	storage.driver == "ephemeral"
	storage.source == "shm"
	storage.fstype == "tmpfs"
	storage.mount_point == "/run/kata-containers/sandbox/shm"
}

# Files of the host's for volumes: below the folder that mounts of the form "shared" come from, and
# never through a link that leads out of it.
default CopyFileRequest := false

CopyFileRequest if {
	allow_copy_path(input.path)
	allow_copy_kind(input)
}

allow_copy_path(path) if {
	regex.match(`^/run/kata-containers/shared/containers/[A-Za-z0-9_.-]+-[0-9a-f]{16}-[^/]+(/|$)`, path)
	every part in array.slice(split(path, "/"), 1, 64) { not part in {"", ".", ".."} }
}

allow_copy_kind(request) if request.file_type in {"Regular", "Directory"}

allow_copy_kind(request) if {
	request.file_type == "Symlink"
	count(split(request.path, "/")) > 6
	request.symlink_target != ""
	not startswith(request.symlink_target, "/")
	not ".." in split(request.symlink_target, "/")
}

# The network: the host may give the pod its addresses and routes, but not touch the loopback.
default UpdateInterfaceRequest := false

UpdateInterfaceRequest if {
	some field in ["name", "device"]
	input.interface[field] != ""
	input.interface.name != "lo"
	input.interface.device != "lo"
	input.interface.raw_flags in {0, 128}
	input.interface.hwAddr != "00:00:00:00:00:00"
	every address in input.interface.IPAddresses { outside_loopback(address.address) }
}

default UpdateRoutesRequest := false

UpdateRoutesRequest if {
	every route in input.routes.Routes { allow_route(route) }
}

allow_route(route) if {
	route.device != "lo"
	outside_loopback(route.dest)
	outside_loopback(route.source)
	outside_loopback(route.gateway)
}

default AddARPNeighborsRequest := false

AddARPNeighborsRequest if {
	every neighbor in input.neighbors.ARPNeighbors {
		neighbor.device != "lo"
		neighbor.state in {2, 128}
		neighbor.flags in {0, 8, 128, 136}
		outside_loopback(neighbor.toIPAddress.address)
	}
}

# An address or network in text; none at all is the default route.
outside_loopback(address) if address == ""

outside_loopback(address) if {
	not startswith(lower(address), "::ffff:")
	net.cidr_contains("127.0.0.0/8", address) == false
	net.cidr_contains("::1/128", address) == false
	regex.match(`^[0-9a-fA-F:.]+(/[0-9]+)?$`, address)
}
