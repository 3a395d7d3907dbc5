# The policy pins the environment: the host cannot add a variable.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin_pinned "$1"
stack_up
run 0 stack_run
says "$out" "the pearl is inside"
run error stack_run --env LD_PRELOAD=/tmp/host.so
refused CreateContainerRequest
nothing_left
