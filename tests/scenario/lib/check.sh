# Assertions for scenario scripts: each prints what it wanted and what came, and ends the script.
# `begin "$@"` is every scenario's first line after sourcing this file.

source "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

# begin BUILD: needs root for containerd, picks a state folder, keeps a failure's logs in BUILD.
begin() {
  STACK_NAME=$(basename "$0" .sh)
  [ "$(id -u)" -eq 0 ] || { echo "skipped: needs root to run containerd"; exit 77; }
  STACK_KEEP_LOGS=$1/scenario-logs/$STACK_NAME
  rm -rf "$STACK_KEEP_LOGS"
  stack_new "$1"
  out=$STACK/out err=$STACK/err
}

failed() {
  echo "FAILED: $*"
  for file in "$out" "$err"; do
    [ -s "$file" ] && { echo "--- $(basename "$file")"; tail -n 20 "$file"; }
  done
  exit 1
}

# run WANTED COMMAND...: WANTED is an exit code, or "error" (not 0, and not a signal); what it
# prints goes to $out and $err.
run() {
  local wanted=$1 status=0
  shift
  "$@" >"$out" 2>"$err" </dev/null || status=$?
  case $wanted in
    error)
      [ $status -ne 0 ] && [ $status -lt 128 ] || failed "'$1' exited $status, wanted an error"
      ;;
    *) [ $status -eq "$wanted" ] || failed "'$1' exited $status, wanted $wanted" ;;
  esac
}

# says FILE TEXT: the file has this text somewhere.
says() { grep -qF -- "$2" "$1" || failed "$(basename "$1") does not say '$2'"; }
silent_about() { ! grep -qF -- "$2" "$1" || failed "$(basename "$1") says '$2'"; }

# one_line FILE: an error is one line, and no stack trace.
one_line() {
  local lines
  lines=$(wc -l <"$1")
  [ "$lines" -eq 1 ] || failed "$(basename "$1") is $lines lines long, wanted 1"
}

# until_true SECONDS COMMAND...: waits for a condition of another process.
until_true() {
  local tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || failed "still not so: $*"
    sleep 0.05
  done
}

# nothing_left: no process of a guest and no sandbox folder remains, but for the one folder that
# keeps what is known of the last start that failed.
nothing_left() {
  local tries=100 left
  while [ -n "$(guest_processes)" ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || failed "left running: $(guest_processes | xargs -r ps -o pid=,args= -p)"
    sleep 0.05
  done
  left=$(find "$STACK/run" -mindepth 2 -maxdepth 2 ! -path "$STACK/run/last-failed-start/*")
  [ -z "$left" ] || failed "left in the state folder: $left"
}

# The first layer's digest of the image in the registry, and where the registry keeps a blob.
first_layer() {
  skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$registry_port/$stack_repository" |
    jq -r '.layers[0].digest'
}
registry_blob() {
  echo "$STACK/registry/docker/registry/v2/blobs/sha256/${1:7:2}/${1:7}/data"
}
