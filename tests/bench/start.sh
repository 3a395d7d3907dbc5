#!/usr/bin/env bash
# Start overhead: the time from `nacre run` to the container's first output byte, over the time in
# which the same QEMU boots the same kernel, with the same machine, memory and command line, into an
# init that prints one line. Both are measured in turns, so that a noisy machine disturbs both
# alike; medians are compared.
#
#   tests/bench/start.sh [BUILD] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scenario/lib/stack.sh
STACK_NAME=bench
rounds=${2:-11}
stack_new "${1:-build/release}"
stack_up

# first_byte COMMAND...: milliseconds from its start to the line that holds $mark; it is then ended.
first_byte() {
  local begin pipe=$STACK/pipe pid
  rm -f "$pipe"
  mkfifo "$pipe"
  begin=$(date +%s%N)
  setsid timeout 120 "$@" >"$pipe" 2>/dev/null </dev/null &
  pid=$!
  grep -a -q -m 1 "$mark" "$pipe"
  echo $((($(date +%s%N) - begin) / 1000000))
  kill -- "-$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
}

mkdir -p "$STACK/line/dev"
cc -O2 -static -o "$STACK/line/init" tests/bench/one_line_init.c
mknod "$STACK/line/dev/console" c 5 1
(cd "$STACK/line" && find . | cpio --quiet -o -H newc) >"$STACK/line.img"
command_line=$(jq -re .kernel.command_line "$STACK/reference.json")

bare() {
  mark=READY first_byte qemu-system-x86_64 -nodefaults -no-user-config -nographic -no-reboot \
    -M q35,accel=tcg -cpu max,-erms -m "$memory_mib" -smp 1 -kernel "$guest/vmlinuz" \
    -initrd "$STACK/line.img" -append "$command_line" -serial stdio
}
pod() { mark=first first_byte bash -c "stack_run -- /bin/echo first"; }
export -f stack_run
export STACK image NACRE_BUILD

for ((i = 0; i < rounds; i++)); do
  bare >>"$STACK/bare"
  pod >>"$STACK/pod"
  echo "round $((i + 1)): bare $(tail -n 1 "$STACK/bare") ms, pod $(tail -n 1 "$STACK/pod") ms" >&2
done
median() { sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
b=$(median "$STACK/bare") p=$(median "$STACK/pod")
awk -v b="$b" -v p="$p" -v n="$rounds" \
  'BEGIN {printf "start: bare %d ms, pod %d ms, ratio %.2f (medians of %d)\n", b, p, p / b, n}'
