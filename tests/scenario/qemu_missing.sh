# No QEMU where the configuration says: the error names the path.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up
sed -i 's#^path = ".*/qemu-#path = "/nonexistent/qemu-#' "$STACK/runtime.toml"
run error stack_run
one_line "$err"
says "$err" "/nonexistent/qemu-system-x86_64"
nothing_left
