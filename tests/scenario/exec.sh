# A second process in a running container, with its own streams and exit code.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_run --id busy -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 30 grep -q started "$out"
ctr="ctr --address $STACK/containerd.sock --namespace nacre"
status=0
answer=$($ctr task exec --exec-id second busy /bin/sh -c 'cat /pearl.txt; exit 5') || status=$?
[ $status -eq 5 ] || failed "exec exited $status, wanted 5"
grep -q "the pearl is inside" <<<"$answer" || failed "exec said '$answer'"
$ctr task kill --signal SIGKILL busy
wait $waiter || true
nothing_left
