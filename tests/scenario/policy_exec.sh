# The policy has no rule for exec: nobody on the host gets a shell, and the container runs on. The
# host learns an id; the owner reads at the broker what was asked for and why it was denied.
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
out=$STACK/denials
told() { stack_kbs denials >"$out" 2>"$err" && grep -q 'ExecProcessRequest denied (id 1)' "$out"; }
until_true 30 told
says "$out" "allow_exec(want, held, input.process)"
says "$out" "got.Args in want.exec"
says "$out" /bin/cat
$ctr task ls | grep -q 'busy.*RUNNING' || failed "the container does not run any more"
$ctr task kill --signal SIGKILL busy
wait $waiter || true
nothing_left
