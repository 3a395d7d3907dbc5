# The commands of docs/guide/key-broker.md, one after the other, do what the page says.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
PATH=$(cd "$1" && pwd)/bin:$PATH
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
STACK=$(mktemp -d)  # files only: no containerd, no guest
out=$STACK/out err=$STACK/err
stop() {
  if [ -s "$STACK/kbs.pid" ]; then kill "$(cat "$STACK/kbs.pid")" 2>/dev/null || true; fi
  rm -rf "$STACK"
}
trap stop EXIT

{
  echo 'set -euo pipefail'
  sed -n '/^```sh$/,/^```$/p' "$source_dir/docs/guide/key-broker.md" | grep -v '^```'
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
