#!/usr/bin/env bash
# A cold pull, next to skopeo and umoci. The image has six gzip layers of about 1 GiB unpacked,
# taken from the files of the Debian packages of this machine, once plain and once encrypted by
# skopeo for an RSA key; it is served by docker-registry on loopback. Both sides start with nothing
# and end with an unpacked tree on the same file system; they take turns, and medians are compared.
# Then the CPU time of a pull is set against its bare operations, and the memory of one with a layer
# of 4 GiB against what was resident before.
#
#   ninja -C build/release image_pull && tests/bench/image_pull.sh [BUILD] [ROUNDS] [MIB] [FOLDER]
#
# FOLDER (default $TMPDIR or /var/tmp) needs 16 GiB; what is made in it is removed. Root's rights
# are needed, as for any unpacking of an image.
set -euo pipefail
build=${1:-build/release} rounds=${2:-3} mib=${3:-1024}
pull=$(cd "$build" && pwd)/bin/image_pull
[ -x "$pull" ] || pull=$(cd "$build" && pwd)/tests/bench/image_pull
work=$(mktemp -d "${4:-${TMPDIR:-/var/tmp}}/image_pull.XXXXXX")
registry_pid=
finish() {
  [ -z "$registry_pid" ] || kill "$registry_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
mkdir -p "$work"/{files,big/blobs/sha256,plain/blobs/sha256}

# --- the image ---------------------------------------------------------------------------------
say() { echo "image_pull: $*" >&2; }
digest() { sha256sum "$1" | cut -d' ' -f1; }

# add LAYOUT FILE: moves it among the blobs; prints its digest and size.
add() {
  local hex
  hex=$(digest "$2")
  stat -c "$hex %s" "$2"
  mv "$2" "$1/blobs/sha256/$hex"
}
# finish_layout LAYOUT TAG: from its files `layers` and `diff_ids`, one a line.
finish_layout() {
  local hex size
  jq -Rn '{architecture: "amd64", os: "linux", config: {},
    rootfs: {type: "layers", diff_ids: [inputs]}}' <"$1/diff_ids" >"$1/config"
  read -r hex size < <(add "$1" "$1/config")
  jq -Rn --arg hex "$hex" --argjson size "$size" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.oci.image.config.v1+json",
      digest: ("sha256:" + $hex), size: $size},
    layers: [inputs | split(" ") | {mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest: ("sha256:" + .[0]), size: (.[1] | tonumber)}]}' <"$1/layers" >"$1/manifest"
  read -r hex size < <(add "$1" "$1/manifest")
  jq -n --arg hex "$hex" --argjson size "$size" --arg tag "$2" '{schemaVersion: 2,
    manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: ("sha256:" + $hex), size: $size,
      annotations: {"org.opencontainers.image.ref.name": $tag}}]}' >"$1/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
}

say "choosing $mib MiB of this machine's packages"
LC_ALL=C sort -u /var/lib/dpkg/info/*.list | grep '^/usr/' >"$work/names"
# Some are gone again (documentation that the machine leaves out).
xargs -d '\n' stat --printf '%s\t%F\t%n\n' <"$work/names" >"$work/sizes" 2>/dev/null || true
awk -F '\t' -v all=$((mib << 20)) -v out="$work/files" '
    $2 == "directory" || $2 ~ /^regular/ || $2 == "symbolic link" {
      size = $2 == "directory" ? 0 : $1
      if (sum + size > all) exit
      print substr($3, 2) > (out "/" int(6 * sum / all))
      sum += size
    }' "$work/sizes"
for list in "$work"/files/*; do
  tar -C / --format=pax --pax-option=delete=atime,delete=ctime --numeric-owner --no-recursion \
    -cf "$work/tar" -T "$list"
  echo "sha256:$(digest "$work/tar")" >>"$work/plain/diff_ids"
  gzip -6 -n <"$work/tar" >"$work/gz"
  add "$work/plain" "$work/gz" >>"$work/plain/layers"
done
finish_layout "$work/plain" x
openssl genrsa -out "$work/key.pem" 2048 2>/dev/null
openssl rsa -in "$work/key.pem" -pubout -out "$work/public.pem" 2>/dev/null

# One layer of a single file of 4 GiB: gzip members may stand in a row, so one piece of 64 MiB,
# compressed once, makes it.
say "a layer of 4 GiB"
for ((i = 0; i < 64; i++)); do cat "$work/tar"; done 2>/dev/null |
  head -c $((64 << 20)) >"$work/piece" || true
truncate -s 4G "$work/large"
tar -C "$work" --format=gnu --owner=0 --group=0 -cf - large 2>/dev/null |
  head -c 512 >"$work/header" || true
head -c 10240 /dev/zero >"$work/trailer"
gzip -1 -n <"$work/piece" >"$work/piece.gz"
{
  gzip -n <"$work/header"
  for ((i = 0; i < 64; i++)); do cat "$work/piece.gz"; done
  gzip -n <"$work/trailer"
} >"$work/gz"
{
  cat "$work/header"
  for ((i = 0; i < 64; i++)); do cat "$work/piece"; done
  cat "$work/trailer"
} | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/' >"$work/big/diff_ids"
rm -f "$work/large" "$work/tar"
add "$work/big" "$work/gz" >"$work/big/layers"
finish_layout "$work/big" x

# --- the registry ------------------------------------------------------------------------------
cat >"$work/registry.yml" <<END
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:0"}
END
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
registry_pid=$!
host=
for ((i = 0; i < 100 && ${#host} == 0; i++)); do
  host=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$work/registry.log" | head -n 1)
  [ -n "$host" ] || sleep 0.1
done
say "pushing to $host"
push() {
  skopeo copy -q --dest-tls-verify=false "${@:3}" "oci:$work/$1:x" "docker://$host/bench:$2"
}
push plain plain
push plain encrypted --encryption-key "jwe:$work/public.pem"
push big big
# The encrypted blobs as they are, for the bare operations.
skopeo copy -q --src-tls-verify=false "docker://$host/bench:encrypted" "oci:$work/encrypted:x"

# --- the rounds --------------------------------------------------------------------------------
key() { [ "$1" != encrypted ] || echo "$work/key.pem"; }
# seconds COMMAND...: wall and CPU seconds.
seconds() {
  local TIMEFORMAT='%R %U %S'
  { time "$@" >/dev/null 2>"$work/errors" || { cat "$work/errors" >&2; exit 1; }; } 2>&1 |
    awk '{print $1, $2 + $3}'
}
theirs() {
  local with=()
  [ -z "$(key "$1")" ] || with=(--decryption-key "$(key "$1")")
  skopeo copy -q --src-tls-verify=false "${with[@]}" "docker://$host/bench:$1" "oci:$work/copy:x" &&
    umoci unpack --image "$work/copy:x" "$work/bundle"
}
for ((round = 1; round <= rounds; round++)); do
  for kind in plain encrypted; do
    sync
    # shellcheck disable=SC2046
    "$pull" pull "$host/bench:$kind" "$work/store" $(key $kind) >>"$work/ours.$kind"
    rm -rf "$work/store"
    sync
    seconds theirs $kind >>"$work/theirs.$kind"
    rm -rf "$work/copy" "$work/bundle"
    # shellcheck disable=SC2046
    "$pull" bare "$work/$kind" x $(key $kind) >>"$work/bare.$kind"
    say "round $round, $kind: ours $(tail -n 1 "$work/ours.$kind")" \
      "theirs (wall, CPU) $(tail -n 1 "$work/theirs.$kind")"
  done
done
"$pull" pull "$host/bench:big" "$work/store" >"$work/ours.big"

# --- the table ---------------------------------------------------------------------------------
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
of() { jq "$2" "$1" | median; }
row() { printf '%-64s %9s %9s %7s\n' "$@"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
files=$(cat "$work"/files/* | wc -l)
echo "image: $files entries in $(wc -l <"$work/plain/layers") layers," \
  "$(of "$work/bare.plain" '.unpacked / 1048576 | floor') MiB unpacked," \
  "$(of "$work/bare.plain" '.compressed / 1048576 | floor') MiB compressed; medians of $rounds"
row "" ours theirs ratio
for kind in plain encrypted; do
  wall=$(of "$work/ours.$kind" .wall) their_wall=$(cut -d' ' -f1 "$work/theirs.$kind" | median)
  cpu=$(of "$work/ours.$kind" .cpu) bare=$(of "$work/bare.$kind" .cpu)
  row "$kind: wall s over skopeo copy + umoci unpack (limit 0.5)" "$(printf %.2f "$wall")" \
    "$their_wall" "$(ratio "$wall" "$their_wall")"
  row "$kind: CPU s over the bare operations on the same bytes (limit 1.3)" \
    "$(printf %.2f "$cpu")" "$(printf %.2f "$bare")" "$(ratio "$cpu" "$bare")"
  row "$kind: CPU s of skopeo + umoci" "" "$(cut -d' ' -f2 "$work/theirs.$kind" | median)" ""
  row "$kind: memory over idle, MiB (limit 48)" \
    "$(of "$work/ours.$kind" '.memory_mib*10|round/10')" "" ""
done
row "a layer of 4 GiB: memory over idle, MiB (limit 48)" \
  "$(of "$work/ours.big" '.memory_mib*10|round/10')" "" ""
echo "bare operations, encrypted: $(tail -n 1 "$work/bare.encrypted")"
