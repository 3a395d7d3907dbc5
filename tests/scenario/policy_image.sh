# The policy pins the image: another name is refused, before anything is pulled.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin "$1"
stack_up
image=${image%:*}:2
run error stack_run
refused CreateContainerRequest
nothing_left
