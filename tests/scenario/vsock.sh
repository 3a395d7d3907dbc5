# The shim reaches the agent over vsock where the kernel offers it, with the same measurement. A
# host without /dev/vhost-vsock runs this in a guest that has it: a guest in a guest.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
source "$(dirname "$0")/lib/outer_guest.sh"
begin "$1"
if [ ! -e /dev/vhost-vsock ]; then
  [ -x "$virtiofsd" ] || { echo "skipped: neither /dev/vhost-vsock nor $virtiofsd"; exit 77; }
  outer_guest "$STACK" "$(realpath "$0")" "$NACRE_BUILD" || failed "inside the outer guest"
  exit 0
fi

agent_channel=vsock create_timeout_ms=900000
stack_up
run 0 stack_run --id pearl
says "$out" "the pearl is inside"
nothing_left
