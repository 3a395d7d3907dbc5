# The policy has no rule for exec: nobody on the host gets a shell, and the container runs on.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin_pinned "$1"
workload_command='["/bin/sh", "-c", "echo started; sleep 1000"]'
stack_up
stack_run --id busy -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 60 grep -q started "$out"
ctr="ctr --address $STACK/containerd.sock --namespace nacre"
out=$STACK/exec.out err=$STACK/exec.err
run error $ctr task exec --exec-id second busy /bin/cat /pearl.txt
refused ExecProcessRequest
silent_about "$out" "pearl is"
$ctr task ls | grep -q 'busy.*RUNNING' || failed "the container does not run any more"
$ctr task kill --signal SIGKILL busy
wait $waiter || true
nothing_left
