# Wrong words are answered by one line with the nearest right one, and exit code 2.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
run 2 nacre mesure
one_line "$err"
says "$err" "measure"
run 2 nacre run --kernel-argument x image
one_line "$err"
says "$err" "kernel-arg"
run 2 nacre
