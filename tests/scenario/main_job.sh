# The demo, whole: output, exit code, timeline, verdict, and the refusal that names what changed.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
top=$stack_source
run 0 "$top/demo" --build "$1"
says "$out" "the pearl is inside"
says "$out" "exit code 0"
says "$out" container_started
says "$out" "command line differs"
says "$out" "demo.changed=1"
