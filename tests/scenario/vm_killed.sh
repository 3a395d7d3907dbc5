# QEMU dies under a running container: nacre run ends with 137 and nothing is left.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_run -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 30 grep -q started "$out"
kill -9 $(guest_machines)
status=0
wait $waiter || status=$?
[ $status -eq 137 ] || failed "nacre run exited $status, wanted 137"
nothing_left
