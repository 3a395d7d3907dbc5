# The broker's default gives an emulated guest nothing, even when everything else matches.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
allow_emulated=
stack_up
run error stack_run
one_line "$err"
stack_kbs explain last >"$out"
says "$out" "emulated"
nothing_left
