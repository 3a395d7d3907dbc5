# The container's exit code is nacre run's; stdout and stderr stay apart; stdin reaches it.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
run 7 stack_run -- /bin/sh -c 'echo to-out; echo to-err >&2; exit 7'
says "$out" to-out
silent_about "$out" to-err
says "$err" to-err
echo "from outside" | stack_run -- /bin/cat >"$out" 2>"$err" || failed "cat exited $?"
says "$out" "from outside"
nothing_left
