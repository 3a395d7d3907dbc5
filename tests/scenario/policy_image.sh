# The policy pins the image: another name is refused, before anything is pulled.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin_pinned "$1"
stack_up
# The same name without the digest: a registry may answer anything to it.
image=${image%@*}
run error stack_run
refused CreateContainerRequest
nothing_left
