# Another key under the image key's name: the layer is refused, and nothing of it runs.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
head -c 32 /dev/urandom >"$STACK/other.key"
stack_kbs resource set "${key_uri#kbs:///}" "$STACK/other.key"
run error stack_run
one_line "$err"
says "$err" "layer"
silent_about "$out" pearl
nothing_left
