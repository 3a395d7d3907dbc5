# The owner's policy has no rule CreateContainerRequest: the agent refuses it by name.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
sed -i '/^CreateContainerRequest/d' "$STACK/initdata.toml"
run error stack_run
one_line "$err"
says "$err" "CreateContainerRequest"
nothing_left
