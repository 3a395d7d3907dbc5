#!/usr/bin/env bash
# What each form of [storage] costs a pod: seconds to its first line of output, the guest's memory
# that is left then, seconds to read the whole image once, and what the host's disk holds. One
# encrypted image of files that hold noise, one guest with one emulated processor.
#
#   tests/bench/image_storage.sh [BUILD] [MIB] [GUEST_MIB]
#
# Emulation pays much for ciphers and hashes and little for the disk: compare rows with each other.
# A form that does not fit the guest's memory says so.
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
echo "image of $mib MiB, guest of $memory_mib MiB, load $(cut -d' ' -f1 /proc/loadavg)"
printf '%-15s %8s %14s %8s %10s\n' storage "first s" "available MiB" "read s" "disk MiB"
for form in memory encrypted-disk erofs-verity; do
  sed -i "s/^images = .*/images = \"$form\"/" "$STACK/initdata.toml"
  stack_register
  mkfifo "$STACK/$form"
  from=$(now)
  stack_run -- /bin/sh -c 'while read -r name kib rest; do
      case $name in MemAvailable:) echo "available $((kib / 1024))" ;; esac
    done </proc/meminfo
    cat /files/* | sha256sum >/dev/null; echo read
    read -r go; true' <"$STACK/$form" >"$out" 2>"$err" &
  pod=$!
  exec 9>"$STACK/$form"
  told() { grep -q "^$1" "$out" || ! kill -0 $pod 2>/dev/null; }
  until_true 400 told available
  first=$(now)
  until_true 400 told read
  read_=$(now)
  held=-
  [ "$form" = memory ] || held=$(($(stat -L -c '%b * %B' "$(scratch_file)" 2>/dev/null) >> 20))
  exec 9>&-
  wait $pod || { printf '%-15s %s\n' "$form" "$(tail -n 1 "$err" | cut -c 1-120)"; continue; }
  awk -v form="$form" -v from="$from" -v first="$first" -v done="$read_" -v held="$held" \
    '/^available/ {printf "%-15s %8.1f %14d %8.1f %10s\n", form, first - from, $2, done - first,
      held}' "$out"
done
