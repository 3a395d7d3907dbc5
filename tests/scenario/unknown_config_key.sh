# A key no schema knows is an error that names its nearest neighbour: the runtime's, the broker's.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
sed -i 's/^vcpus = 1/vcpu = 1/' "$STACK/runtime.toml"
run error stack_run
one_line "$err"
says "$err" "vcpu"
says "$err" "vcpus"
cp "$STACK/kbs/kbs.toml" "$STACK/kbs/bad.toml"
sed -i '1i lissten = "127.0.0.1:0"' "$STACK/kbs/bad.toml"
run error nacre-kbs --config "$STACK/kbs/bad.toml"
says "$err" "lissten"
says "$err" "listen"
nothing_left
