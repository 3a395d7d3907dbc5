# Two guests at once do not disturb each other.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_run -- /bin/echo one >"$STACK/one" 2>"$err" &
first=$!
run 0 stack_run -- /bin/echo two
wait $first || failed "the first exited $?"
says "$STACK/one" one
says "$out" two
nothing_left
