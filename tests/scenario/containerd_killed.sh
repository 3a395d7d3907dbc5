# containerd dies and comes back under a running container: the container goes on, its exit is
# reported, nothing is left.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_run --id survivor -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 30 grep -q started "$out"
kill -9 "$(cat "$STACK/pid/containerd")"
wait $waiter || true
rm "$STACK/pid/containerd"
stack_containerd
ctr="ctr --address $STACK/containerd.sock --namespace nacre"
$ctr task ls | grep -q 'survivor.*RUNNING' || failed "the task did not survive: $($ctr task ls)"
$ctr task kill --signal SIGKILL survivor
until_true 10 sh -c "$ctr task ls | grep -q 'survivor.*STOPPED'"
$ctr task rm survivor >"$out" 2>&1 || true
$ctr container rm survivor
nothing_left
