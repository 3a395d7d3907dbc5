# One byte of the ciphertext changed: refused before anything of the layer is used.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
layer=$(skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$registry_port/demo/pearl:1" | jq -r '.layers[0].digest')
blob=$STACK/registry/docker/registry/v2/blobs/sha256/${layer:7:2}/${layer:7}/data
printf '\x55\xaa' | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
run error stack_run
one_line "$err"
says "$err" "${layer:7:12}"
nothing_left
