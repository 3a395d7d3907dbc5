# The owner wants layers under dm-verity on a disk, and the host has none, or one too small for the
# owner or for the image, or a guest image that cannot use it: the pod is refused in one sentence,
# and nothing falls back to memory or to another form.
set -euo pipefail
source "$(dirname "$0")/lib/scratch.sh"
begin_scratch "$1"
storage_images=erofs-verity
storage_settings='disk_minimum_mib = 64'
scratch_mib=0
stack_image_extra() { head -c $((80 << 20)) /dev/urandom >"$1/big"; }
scratch_up
refused "scratch disk: the owner wants images on an encrypted disk and the host offers none"
scratch_mib=64
scratch_offer
refused "scratch disk: all of its 16384 blocks of 4 KiB are in use"
sed -i 's/^disk_minimum_mib = .*/disk_minimum_mib = 65/' "$STACK/initdata.toml"
stack_register
refused "scratch disk: it has 64 MiB, the owner wants at least 65"
scratch_mib=128
scratch_offer
run 0 stack_run
says "$out" "the pearl is inside"

# Integrity is not the owner's to turn off here.
sed -i 's/^disk_minimum_mib = .*/disk_integrity = false/' "$STACK/initdata.toml"
stack_register
refused "disk_integrity has no meaning with images = \"erofs-verity\", which checks every block"
sed -i '/^disk_integrity/d' "$STACK/initdata.toml"
sed -i "s|^initrd = .*|initrd = \"$NACRE_BUILD/guest/initrd.img\"|" "$STACK/runtime.toml"
scratch_mib=256
scratch_offer
stack_register
refused "scratch disk: this guest image was built without disk encryption"
