# The broker is gone: the error names its address.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
stack_end kbs
run error stack_run
one_line "$err"
says "$err" "10.0.2.2:$kbs_port"
nothing_left
