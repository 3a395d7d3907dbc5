# Sourced by the benches of pulls: an image of this machine's own packages, and a registry.
# The caller has set -euo pipefail.
# shellcheck shell=bash
# shellcheck disable=SC2154
registry_pid=
# stop PID: a child, and waits for its end.
stop() {
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
finish() {
  [ -z "$registry_pid" ] || stop "$registry_pid"
  umount "$work" 2>/dev/null || true
  rm -rf "$work"
}
# own_memory FOLDER ARGUMENT...: for "memory", the script once more where its mounts are its own.
own_memory() {
  [ "$1" = memory ] && [ -z "${OWN_MOUNTS:-}" ] || return 0
  OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "${@:2}"
}
# make_work FOLDER: sets work.
make_work() {
  local folder=$1
  [ "$folder" != memory ] || folder=/tmp
  work=$(mktemp -d "$folder/pull.XXXXXX")
  trap finish EXIT
  # The options are those of /run in guest-agent/init/mounts.cc.
  [ "$1" != memory ] || mount -t tmpfs -o mode=0755,size=75%,huge=within_size tmpfs "$work"
}
say() { echo "$(basename "$0" .sh): $*" >&2; }
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

# make_image MIB: six gzip layers of about that size unpacked, as the layout $work/plain; leaves the
# lists of their files in $work/files and the last layer's tar as $work/tar.
make_image() {
  mkdir -p "$work/files" "$work/plain/blobs/sha256"
  say "choosing $1 MiB of this machine's packages"
  LC_ALL=C sort -u /var/lib/dpkg/info/*.list | grep '^/usr/' >"$work/names"
  # Some are gone again (documentation that the machine leaves out).
  xargs -d '\n' stat --printf '%s\t%F\t%n\n' <"$work/names" >"$work/sizes" 2>/dev/null || true
  awk -F '\t' -v all=$(($1 << 20)) -v out="$work/files" '
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
}

# start_registry ADDRESS [MORE]: docker-registry there ("127.0.0.1:0" for any port); MORE goes into
# its http section. $in_front: words to run it behind. Sets host.
start_registry() {
  cat >"$work/registry.yml" <<END
version: 0.1
log: {level: info, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "$1"${2:+, $2}}
END
  rm -f "$work/registry.log"
  # shellcheck disable=SC2086
  ${in_front:-} docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
  registry_pid=$!
  host=
  local i
  for ((i = 0; i < 100 && ${#host} == 0; i++)); do
    [ -e "$work/registry.log" ] &&
      host=$(sed -n 's/.*listening on \([0-9.:]*\).*/\1/p' "$work/registry.log" | head -n 1)
    [ -n "$host" ] || sleep 0.1
  done
}
# push LAYOUT TAG [OPTION...]: to the registry on plain http.
push() {
  skopeo copy -q --dest-tls-verify=false "${@:3}" "oci:$work/$1:x" "docker://$host/bench:$2"
}
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }
