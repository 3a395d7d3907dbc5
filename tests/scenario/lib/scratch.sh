# A node that offers scratch disks and a guest image that can use them; the scenarios of images on
# disks source this instead of check.sh.

source "$(dirname "${BASH_SOURCE[0]}")/check.sh"

scratch_mib=1024      # what the node offers; 0: nothing
storage_images=encrypted-disk
storage_settings=     # more lines of the owner's [storage]

# begin_scratch BUILD: begin, with a guest image built with --disk, which is kept beside the other.
begin_scratch() {
  begin "$1"
  local usual=$guest
  guest=$NACRE_BUILD/guest-disk
  mkdir -p "$guest/cache"
  cp -ln "$usual"/cache/*.deb "$guest/cache/" 2>/dev/null || true
  stack_step guest-image "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" \
    --out "$guest" --disk
}

# scratch_up: stack_up, then the node's offer and the owner's wish.
scratch_up() {
  stack_up
  scratch_offer
  local table="[storage]\nimages = \"$storage_images\"\n$storage_settings"
  sed -i "s|^\[registry\]\$|$table\n[registry]|" "$STACK/initdata.toml"
  stack_register
}
scratch_offer() {
  sed -i '/^\[scratch_disk\]/,$d' "$STACK/runtime.toml"
  cat >>"$STACK/runtime.toml" <<EOF
[scratch_disk]
size_mib = $scratch_mib
folder = "$STACK/scratch"
EOF
}

# refused TEXT: a pod is, in one sentence with this text, and nothing of it remains.
refused() {
  run error stack_run
  one_line "$err"
  says "$err" "$1"
  silent_about "$out" pearl
  nothing_left
}

# The open file of the one guest that runs, as a path this host can read and write.
scratch_file() {
  local fd
  for fd in $(pgrep -f qemu-system | sed 's|.*|/proc/&/fd/*|'); do
    case $(readlink "$fd") in "$STACK"/scratch/*) echo "$fd"; return ;; esac
  done
  failed "no QEMU has a file below $STACK/scratch open" >&2
}
