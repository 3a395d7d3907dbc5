# The registry serves half a layer: refused, with the layer's digest.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
layer=$(skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$registry_port/demo/pearl:1" | jq -r '.layers[0].digest')
blob=$STACK/registry/docker/registry/v2/blobs/sha256/${layer:7:2}/${layer:7}/data
truncate -s $(($(stat -c %s "$blob") / 2)) "$blob"
run error stack_run
one_line "$err"
says "$err" "${layer:7:12}"
silent_about "$out" pearl
nothing_left
