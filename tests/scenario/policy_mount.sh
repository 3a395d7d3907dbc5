# The policy pins the mounts: the host cannot lay an empty folder over one of the image.
set -euo pipefail
source "$(dirname "$0")/lib/pinned.sh"
begin_pinned "$1"
workload_command='["/bin/sh", "-c", "echo started; sleep 1000"]'
stack_up
ctr="ctr --address $STACK/containerd.sock --namespace nacre"
stack_run --id pinned -- /bin/sh -c 'echo started; sleep 1000' >"$out" 2>"$err" &
waiter=$!
until_true 60 grep -q started "$out"
$ctr container info pinned | jq '.Spec | .mounts += [{"destination": "/etc", "type": "tmpfs",
  "source": "tmpfs", "options": ["ro"]}]' >"$STACK/spec.json"
$ctr task kill --signal SIGKILL pinned
wait $waiter || true
run error $ctr run --config "$STACK/spec.json" --runtime io.containerd.nacre.v2 \
  --runtime-config-path "$STACK/runtime.toml" --null-io mounted
refused CreateContainerRequest
$ctr container delete mounted
nothing_left
