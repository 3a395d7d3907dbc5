# `./demo --keep` leaves an installation whose printed commands work; `--stop` ends it, and a second
# --stop finds nothing to do.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
top=$stack_source
trap '"$top/demo" --build "$NACRE_BUILD" --stop >/dev/null 2>&1; stack_stop' EXIT
run 0 "$top/demo" --build "$1" --keep
says "$out" "Still up. Try next:"
mapfile -t commands < <(sed -n '/Try next:/,/End it with/p' "$out" | grep -E '/nacre ' |
  sed -e 's/^ *sudo //')
[ ${#commands[@]} -eq 4 ] || failed "${#commands[@]} commands are printed, wanted 4"
run 0 bash -c "${commands[0]}"
says "$out" "the pearl is inside"
run error bash -c "${commands[1]}"
says "$err" "policy denied CreateContainerRequest"
run error bash -c "${commands[2]}"
says "$err" "launch-measurement"
one_line "$err"
run 0 bash -c "${commands[3]}"
says "$out" "expected nothing, got 'demo.changed=1'"
kept=$(cat "$top/build/demo-state")
run 0 "$top/demo" --build "$1" --stop
[ ! -e "$kept" ] || failed "--stop leaves $kept"
[ -z "$(pgrep -f "$kept")" ] || failed "--stop leaves processes: $(pgrep -af "$kept")"
run 0 "$top/demo" --build "$1" --stop
