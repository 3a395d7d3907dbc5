# The shim dies under a running container: containerd reports it; QEMU and the emulator go too.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_run -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 30 grep -q started "$out"
kill -9 $(pgrep -f "containerd-shim-nacre.*$STACK")
status=0
wait $waiter || status=$?
[ $status -ne 0 ] || failed "nacre run exited 0"
silent_about "$err" "left behind"
left=$(ctr --address "$STACK/containerd.sock" --namespace nacre container ls -q)
[ -z "$left" ] || failed "containerd still has the container $left"
nothing_left
