# Rules of a generated policy: the image, mounts, storages and devices of a container.
package agent_policy

import rego.v1

# Mounts. policy_data.mounts has what every container may have, want.mounts the container's own:
# by destination a list of forms {"type", "options": lists, and one of
#   "source"   exactly this
#   "shared"   a file or folder that the host copies in, whose name ends so
#   "storage"  the mount point of one of the request's storages that has passed its rule}
allow_mounts(want, got) if {
	destinations := {mount.destination | some mount in got}
	count(destinations) == count(got)
	every mount in got { allow_mount(want, mount) }
	all_mounts(want, destinations)
}

all_mounts(want, destinations) if {
	every destination in want.required_mounts { destination in destinations }
}

all_mounts(_, _) if policy_data.settings.partial

allow_mount(want, mount) if {
	some form in want.mounts[mount.destination]
	allow_form(form, mount)
}

allow_mount(want, mount) if {
	not want.mounts[mount.destination]
	some form in policy_data.mounts[mount.destination]
	allow_form(form, mount)
}

allow_form(form, mount) if {
	mount.type_ == form.type
	allow_options(form, mount.options)
	allow_source(form, mount.source)
}

allow_options(form, options) if options in form.options

allow_options(form, options) if {
	extra := {option | some option in form.extra}
	stated := {option | some option in options}
	some wanted in form.options
	stated - extra == {option | some option in wanted}
}

allow_source(form, source) if source == form.source

allow_source(form, source) if {
	form.shared
	prefix := concat("", ["/run/kata-containers/shared/containers/", bundle_id, "-"])
	startswith(source, prefix)
	rest := substring(source, count(prefix), -1)
	trim(substring(rest, 0, 16), "0123456789abcdef") == ""
	substring(rest, 16, -1) == concat("-", ["", form.shared])
}

allow_source(form, source) if {
	form.storage
	some storage in input.storages
	storage.mount_point == source
	storage.driver in form.storage
}

# The image, which the guest pulls itself, and storages for empty volumes.
allow_storages(want) if {
	allow_image(want, [storage | some storage in input.storages; storage.driver == "image_guest_pull"])
	others := [storage | some storage in input.storages; storage.driver != "image_guest_pull"]
	count(others) <= want.storages
	every storage in others { allow_storage(want, storage) }
}

allow_image(want, images) if {
	count(images) == 1
	every image in images {
		image.source in want.images
		image.fstype == "overlay"
		image.mount_point == input.OCI.Root.Path
		image.options == []
		image.fs_group == null
		allow_pull_options(image.driver_options)
	}
}

allow_image(_, images) if {
	images == []
	policy_data.settings.partial
}

# Kata's runtime repeats the annotations, from which its agent takes whether to pull at all.
allow_pull_options(options) if options == []

allow_pull_options(options) if {
	count(options) == 1
	startswith(options[0], "image_guest_pull=")
	told := json.unmarshal(trim_prefix(options[0], "image_guest_pull="))
	told == {"metadata": input.OCI.Annotations}
}

allow_storage(want, storage) if {
	allow_group(storage.fs_group)
	allow_empty_volume(storage)
}

allow_group(group) if group == null

allow_group(group) if group.group_id == policy_data.pod.fs_group

# A disk of the host's, encrypted by the guest with a key that it forgets.
allow_empty_volume(storage) if {
	storage.driver in {"blk", "scsi", "mmioblk"}
	storage.driver_options == ["encryption_key=ephemeral", "create_filesystem"]
	storage.fstype == "ext4"
	storage.options == []
	storage.mount_point == concat("", [
		"/run/kata-containers/sandbox/storage/",
		base64url.encode(storage.source),
	])
}

# A folder in the guest's memory.
allow_empty_volume(storage) if {
	storage.driver == "local"
	storage.source == "local"
	storage.fstype == "local"
	storage.driver_options == []
	storage.options == ["mode=0777"]
	guest_folder(storage.mount_point)
	contains(storage.mount_point, "/rootfs/local/")
}

allow_empty_volume(storage) if {
	storage.driver == "ephemeral"
	storage.source == "tmpfs"
	storage.fstype == "tmpfs"
	storage.driver_options == []
	every option in storage.options { startswith(option, "size=") }
	startswith(storage.mount_point, "/run/kata-containers/sandbox/ephemeral/")
	guest_folder(storage.mount_point)
}

guest_folder(path) if {
	startswith(path, "/run/kata-containers/")
	not ".." in split(path, "/")
}

# Devices: volumes that the container opens as block devices, and GPUs.
allow_devices(want) if {
	want.gpus == 0
	paths := {device.container_path | some device in input.devices}
	count(paths) == count(input.devices)
	every device in input.devices {
		device.container_path in want.devices
		device.type_ in {"blk", "scsi", "mmioblk", "nvdimm"}
	}
}

allow_devices(want) if {
	want.gpus > 0
	count(gpu_annotations) == want.gpus
	allow_gpu_devices(want)
}

gpu_annotations := {key | some key, _ in input.OCI.Annotations; startswith(key, "cdi.k8s.io/vfio")}

allow_gpu_annotation(key, value) if {
	startswith(key, "cdi.k8s.io/vfio")
	regex.match(`^[0-9]+$`, trim_prefix(key, "cdi.k8s.io/vfio"))
	regex.match(`^nvidia\.com/(p?gpu)=[0-9]+$`, value)
}

# Plugged in before the guest started, they come without a device in the request.
allow_gpu_devices(_) if input.devices == []

allow_gpu_devices(want) if {
	numbers := {trim_prefix(device.container_path, "/dev/vfio/devices/vfio") |
		some device in input.devices
	}
	count(numbers) == count(input.devices)
	count(numbers) == want.gpus
	every device in input.devices {
		device.type_ in {"vfio-pci-gk", "vfio-pci"}
		startswith(device.container_path, "/dev/vfio/devices/vfio")
		device.vm_path == ""
	}
	every number in numbers { concat("", ["cdi.k8s.io/vfio", number]) in gpu_annotations }
}
