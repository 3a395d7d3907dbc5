# One byte of the ciphertext changed: refused before anything of the layer is used.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
layer=$(first_layer)
blob=$(registry_blob "$layer")
printf '\x55\xaa' | dd of="$blob" bs=1 seek=1000 conv=notrunc status=none
run error stack_run
one_line "$err"
says "$err" "${layer:7:12}"
says "$err" digest
nothing_left
