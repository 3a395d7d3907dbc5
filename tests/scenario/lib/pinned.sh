# A policy generated from one workload: the demo's image, and nothing the host adds to it. The
# policy's scenarios source this instead of check.sh. A scenario that runs a command of its own says
# so in $workload_command before stack_up: the policy pins that, too. Exec is not in it.

source "$(dirname "${BASH_SOURCE[0]}")/check.sh"

# begin_pinned BUILD: begin, with a generated policy.
begin_pinned() {
  begin "$1"
  policy=generated
}

# refused REQUEST: the last `run` failed in one line, because of the policy, without its reason.
refused() {
  one_line "$err"
  says "$err" "policy denied $1 (id 1)"
  silent_about "$err" "input."
}
