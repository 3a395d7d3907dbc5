# The commands of docs/guide/key-broker.md, one after the other, do what the page says. Section 8
# starts a real guest: it needs root and a guest image, and is left out, and told of, without them.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
build=$(cd "$1" && pwd)
PATH=$build/bin:$PATH
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
STACK=$(mktemp -d "${TMPDIR:-/tmp}/nacre.XXXXXX")
out=$STACK/out err=$STACK/err
stop() {
  local status=$? name
  for name in containerd registry kbs; do
    if [ -s "$STACK/$name.pid" ]; then kill "$(cat "$STACK/$name.pid")" 2>/dev/null || true; fi
  done
  guest_processes | xargs -r kill -9 2>/dev/null || true
  if [ $status -ne 0 ] && [ $status -ne 77 ]; then
    mkdir -p "$build/scenario-logs/key_broker_guide"
    cp "$STACK"/*.txt "$STACK"/*.log "$out" "$err" "$build/scenario-logs/key_broker_guide/" || true
  fi
  rm -rf "$STACK"
}
trap stop EXIT

missing=
[ "$(id -u)" -eq 0 ] || missing="root to run containerd"
[ -f "$build/guest/initrd.img" ] || missing="a guest image in $build/guest"
# The page's commands, but those of section 8 where they cannot run.
{
  echo 'set -euo pipefail'
  echo "GUEST=$build/guest"
  awk -v skip="${missing:+1}" '
    /^## / { section = $2 }
    /^```sh$/ { inside = 1; next }
    /^```$/ { inside = 0 }
    inside && !(skip && section == "8.") { print }' "$source_dir/docs/guide/key-broker.md"
} >"$STACK/guide.sh"
cd "$STACK"
run 0 bash guide.sh
says refused.txt "401"
says explained.txt "launch measurement"
says explained.txt "what to do"
says released.txt "200"
says denied.txt "403"
says denied-explained.txt "contraindicated"
says again.txt "200"
says broken.txt "broken"
[ -z "$missing" ] || { echo "skipped: the section with a real guest needs $missing"; exit 77; }
says pearl.txt "the pearl is inside"
says pearl-explained.txt "accepted: reference value 'pearl' matches"
says changed.txt "launch-measurement"
says changed-explained.txt "command line differs"
says changed-explained.txt "demo.changed=1"
