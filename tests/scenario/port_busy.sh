# A port someone else has: the broker names it and ends.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_registry
stack_broker
run error nacre-kbs --config "$STACK/kbs/kbs.toml" --listen "127.0.0.1:$registry_port"
says "$err" "127.0.0.1:$registry_port"
