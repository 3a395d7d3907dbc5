# The policy lets no output of this container out: nothing of it reaches the host, and the
# container, which writes more than any pipe holds, is not held up by that.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin_pinned "$1"
workload_requests=
workload_command='["/bin/sh", "-c", "head -c 1000000 /dev/zero; cat /pearl.txt; exit 3"]'
stack_up
run 3 stack_run -- /bin/sh -c 'head -c 1000000 /dev/zero; cat /pearl.txt; exit 3'
[ ! -s "$out" ] || failed "output came out"
silent_about "$err" "the pearl is inside"
nothing_left
