#!/usr/bin/env bash
# Start overhead: the time from `nacre run` to the container's first output byte, over the time in
# which the same QEMU boots the same kernel, with the same machine, memory and command line, into an
# init that prints one line. Each pod is compared with the mean of the bare guests just before and
# just after it, so that a machine that is slow for a while is slow for both; the median of these
# ratios is the result.
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
    -M q35,accel=tcg -cpu max,-erms,-smap,-xsave,-pcid -m "$memory_mib" -smp 1 \
    -kernel "$guest/vmlinuz" \
    -initrd "$STACK/line.img" -append "$command_line" -serial stdio
}
pod() { mark=first first_byte bash -c "stack_run -- /bin/echo first"; }
export -f stack_run
export STACK image NACRE_BUILD

bare >"$STACK/bare"
for ((i = 0; i < rounds; i++)); do
  pod >>"$STACK/pod"
  bare >>"$STACK/bare"
  echo "round $((i + 1)): pod $(tail -n 1 "$STACK/pod") ms between bare guests of" \
    "$(tail -n 2 "$STACK/bare" | tr '\n' ' ')ms" >&2
done
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio=$(awk 'NR == FNR {bare[NR] = $1; next} {print 2 * $1 / (bare[FNR] + bare[FNR + 1])}' \
  "$STACK/bare" "$STACK/pod" | median)
printf 'start: ratio %.2f (median of %d; median pod %d ms, bare %d ms)\n' "$ratio" "$rounds" \
  "$(median <"$STACK/pod")" "$(median <"$STACK/bare")"
