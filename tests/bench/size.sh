#!/usr/bin/env bash
# Sizes: the guest image, the resident memory of the shim, and of the idle agent inside the guest.
#   tests/bench/size.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/../.."
source tests/scenario/lib/stack.sh
STACK_NAME=bench
stack_new "${1:-build/release}"
stack_up
stack_run -- /bin/sh -c 'echo started; sleep 1000' >"$STACK/out" 2>"$STACK/err" &
runner=$!
until grep -q started "$STACK/out"; do
  kill -0 $runner || stack_fail "$(cat "$STACK/err")"
  sleep 0.1
done

shim=$(pgrep -f "containerd-shim-nacre.*$STACK" | head -n 1)
awk '/^VmRSS/ {printf "shim: %.1f MiB resident\n", $2 / 1024}' "/proc/$shim/status"
awk -v s="$(stat -c %s "$guest/initrd.img")" -v z="$(gzip -9 <"$guest/initrd.img" | wc -c)" \
  'BEGIN {printf "initrd: %.1f MiB as booted, %.1f MiB as gzip\n", s / 1048576, z / 1048576}'
grep -ho '"agent_rss_kib":[0-9]*' "$STACK"/run/*/*/console.log | tail -n 1 |
  awk -F: '{printf "agent: %.1f MiB resident, container running\n", $2 / 1024}'
kill $runner
wait $runner || true
