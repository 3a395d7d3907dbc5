#!/usr/bin/env bash
# A cold pull, next to skopeo and umoci. The image has six gzip layers of about 1 GiB unpacked,
# taken from the files of the Debian packages of this machine, once plain and once encrypted by
# skopeo for an RSA key; it is served by docker-registry on loopback. Both sides start with nothing
# and end with an unpacked tree on the same file system; they take turns, and medians are compared.
# Then the CPU time of a pull is set against its bare operations, and the memory of one with a layer
# of 4 GiB against what was resident before. The plain image is also pulled into volumes: EROFS
# images under dm-verity, here in files.
#
#   ninja -C build/release image_pull && tests/bench/image_pull.sh [BUILD] [ROUNDS] [MIB] [FOLDER]
#
# FOLDER (default $TMPDIR or /var/tmp) needs 16 GiB; what is made in it is removed. "memory" is a
# tmpfs of its own, mounted as a guest mounts the one its images are in. Root's rights are needed,
# as for any unpacking of an image.
set -euo pipefail
build=${1:-build/release} rounds=${2:-3} mib=${3:-1024} folder=${4:-${TMPDIR:-/var/tmp}}
# shellcheck source=tests/bench/image_lib.sh
source "$(dirname "$0")/image_lib.sh"
own_memory "$folder" "$@"
pull=$(cd "$build" && pwd)/bin/image_pull
make_work "$folder"
mkdir -p "$work/big/blobs/sha256"

# --- the images --------------------------------------------------------------------------------
make_image "$mib"
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
start_registry 127.0.0.1:0
say "pushing to $host"
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
  sync
  "$pull" pull "$host/bench:plain" "$work/store" --volumes "$work/volumes" >>"$work/ours.volumes"
  rm -rf "$work/store" "$work/volumes"
  say "round $round, volumes: ours $(tail -n 1 "$work/ours.volumes")"
done
"$pull" pull "$host/bench:big" "$work/store" >"$work/ours.big"
rm -rf "$work/store"
"$pull" pull "$host/bench:big" "$work/store" --volumes "$work/volumes" >"$work/ours.big_volume"

# --- the table ---------------------------------------------------------------------------------
of() { jq "$2" "$1" | median; }
row() { printf '%-64s %9s %9s %7s\n' "$@"; }
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
  row "$kind: of it the kernel's CPU s" "$(of "$work/ours.$kind" .kernel | xargs printf %.2f)" "" ""
  row "$kind: CPU s of skopeo + umoci" "" "$(cut -d' ' -f2 "$work/theirs.$kind" | median)" ""
  row "$kind: memory over idle, MiB (limit 48)" \
    "$(of "$work/ours.$kind" '.memory_mib*10|round/10')" "" ""
done
cpu=$(of "$work/ours.volumes" .cpu) into_folders=$(of "$work/ours.plain" .cpu)
row "plain, volumes: CPU s over that into folders" "$(printf %.2f "$cpu")" \
  "$(printf %.2f "$into_folders")" "$(ratio "$cpu" "$into_folders")"
row "plain, volumes: wall s" "$(of "$work/ours.volumes" .wall | xargs printf %.2f)" "" ""
row "plain, volumes: memory over idle, MiB (limit 48)" \
  "$(of "$work/ours.volumes" '.memory_mib*10|round/10')" "" ""
row "a layer of 4 GiB: memory over idle, MiB (limit 48)" \
  "$(of "$work/ours.big" '.memory_mib*10|round/10')" "" ""
row "a layer of 4 GiB, into a volume: memory over idle, MiB" \
  "$(of "$work/ours.big_volume" '.memory_mib*10|round/10')" "" ""
echo "bare operations, encrypted: $(tail -n 1 "$work/bare.encrypted")"
