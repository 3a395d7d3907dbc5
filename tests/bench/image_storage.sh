#!/usr/bin/env bash
# What each form of [storage] costs a pod: seconds to its first line of output (and of the guest's
# processor time), the guest's memory that is left then, the same to read the whole image once, and
# what the host's disk holds. One encrypted image of files that hold noise, one guest with one
# emulated processor.
#
#   tests/bench/image_storage.sh [BUILD] [MIB] [GUEST_MIB]
#
# Emulation pays much for ciphers and hashes and little for the disk: compare rows with each other.
set -euo pipefail
source "$(dirname "$0")/../scenario/lib/scratch.sh"
mib=${2:-128}
begin_scratch "$(cd "${1:-build/release}" && pwd)"
memory_mib=${3:-768}
scratch_mib=$((mib * 2 + 256))
create_timeout_ms=400000

stack_image_extra() {
  local i
  ln -s busybox "$1/bin/sha256sum"
  mkdir "$1/files"
  for i in $(seq $((mib * 4))); do head -c 262144 /dev/urandom >"$1/files/$i"; done
}
scratch_up
now() { date +%s.%N; }
# spent: the guest's processor time so far, in seconds. QEMU is the child of this stack's shim.
spent() {
  local shim
  shim=$(pgrep -f "containerd-shim-nacre.*$STACK" | tr '\n' ',')
  awk '{print ($14 + $15) / 100}' "/proc/$(pgrep -P "${shim%,}" qemu-system)/stat"
}
less() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.1f", a - b}'; } # A - B
told() { grep -q "^$1" "$out" || ! kill -0 $pod 2>/dev/null; }

echo "image of $mib MiB, guest of $memory_mib MiB, load $(cut -d' ' -f1 /proc/loadavg)"
format='%-15s %8s %8s %14s %8s %8s %10s\n'
# shellcheck disable=SC2059
printf "$format" storage 'first s' CPU 'available MiB' 'read s' CPU 'disk MiB'
for form in memory encrypted-disk erofs-verity; do
  sed -i "s/^images = .*/images = \"$form\"/" "$STACK/initdata.toml"
  stack_register
  mkfifo "$STACK/$form"
  from=$(now)
  stack_run -- /bin/sh -c 'while read -r name kib rest; do
      case $name in MemAvailable:) echo "available $((kib / 1024))" ;; esac
    done </proc/meminfo
    read -r go
    cat /files/* | sha256sum >/dev/null; echo read
    read -r go; true' <"$STACK/$form" >"$out" 2>"$err" &
  pod=$!
  exec 9>"$STACK/$form"
  until_true 400 told available
  first=$(now) first_cpu=$(spent)
  echo go >&9
  until_true 400 told read
  read_=$(now) read_cpu=$(spent)
  held=-
  [ "$form" = memory ] || held=$(($(stat -L -c '%b * %B' "$(scratch_file)") >> 20))
  exec 9>&-
  wait $pod || failed "$form: the pod ended with $?"
  # shellcheck disable=SC2059
  printf "$format" "$form" "$(less "$first" "$from")" "$first_cpu" \
    "$(sed -n 's/^available //p' "$out")" "$(less "$read_" "$first")" \
    "$(less "$read_cpu" "$first_cpu")" "$held"
done
