# The registry serves half a layer: refused, with the layer's digest.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
layer=$(first_layer)
blob=$(registry_blob "$layer")
truncate -s $(($(stat -c %s "$blob") / 2)) "$blob"
run error stack_run
one_line "$err"
says "$err" "${layer:7:12}"
silent_about "$out" pearl
nothing_left
