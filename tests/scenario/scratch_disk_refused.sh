# The owner wants an encrypted disk, and the host has none, or one too small, or a guest image that
# cannot use it: the pod is refused in one sentence, and nothing falls back to memory. A host that
# offers a disk nobody asked for changes nothing.
set -euo pipefail
source "$(dirname "$0")/lib/scratch.sh"
begin_scratch "$1"
storage_settings='disk_minimum_mib = 1025'
scratch_up

refused "scratch disk: it has 1024 MiB, the owner wants at least 1025"
scratch_mib=0
scratch_offer
refused "scratch disk: the owner wants images on an encrypted disk and the host offers none"
scratch_mib=1025
scratch_offer
run 0 stack_run
says "$out" "the pearl is inside"

# An owner may do without integrity, by name.
sed -i 's/^disk_minimum_mib = .*/disk_integrity = false/' "$STACK/initdata.toml"
stack_register
run 0 stack_run -- /bin/sh -c 'cat /pearl.txt; echo kept >/written; cat /written'
says "$out" "the pearl is inside"
says "$out" kept

sed -i "s|^initrd = .*|initrd = \"$NACRE_BUILD/guest/initrd.img\"|" "$STACK/runtime.toml"
stack_register
refused "scratch disk: this guest image was built without disk encryption"
sed -i '/^\[storage\]$/,/^\[registry\]$/{/^\[registry\]$/!d}' "$STACK/initdata.toml"
stack_register
run 0 stack_run
says "$out" "the pearl is inside"
nothing_left
