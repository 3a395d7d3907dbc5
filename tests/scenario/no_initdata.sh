# A pod without initdata: the guest knows nobody to answer to, and says so.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
run error nacre run --address "$STACK/containerd.sock" --config "$STACK/runtime.toml" "$image"
one_line "$err"
says "$err" "the host gave this pod no initdata"
nothing_left
