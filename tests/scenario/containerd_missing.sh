# containerd is not there: the error names its socket.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
: >"$STACK/initdata.toml"
run error nacre run --address "$STACK/none.sock" registry.example/image:1
one_line "$err"
says "$err" "$STACK/none.sock"
