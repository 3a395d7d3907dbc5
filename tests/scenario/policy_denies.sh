# The owner's policy does not list CreateContainerRequest: the agent refuses it by name.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
sed -i 's/"CreateContainerRequest", //' "$STACK/initdata.toml"
run error stack_run
one_line "$err"
says "$err" "CreateContainerRequest"
nothing_left
