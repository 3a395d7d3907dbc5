#!/usr/bin/env bash
# Pods of one node that start the same image, one after the other: without a node cache, first with
# an empty one, then with what that has left. Before the last of them the cache has the time it
# needs to unpack plain layers in the background; how long that took is said. The registry is once
# on loopback, where the network costs nothing and unpacking is all there is to wait for, without
# and with TLS, the image also encrypted, and then behind links as people have them: in a network
# namespace of its own, with TLS, and with a token bucket on the way to us. The kernel of most
# machines cannot add a delay to that, which makes what comes from far away look nearer than it is.
# Everything runs on the same processors: the registry, the cache and the guest's part, which here
# is a process and its port a socket.
#
#   ninja -C build/release image_pull nacre-node-cache &&
#     tests/bench/node_cache.sh [BUILD] [ROUNDS] [MIB] [FOLDER]
#
# As tests/bench/image_pull.sh; FOLDER needs 6 GiB.
set -euo pipefail
build=${1:-build/release} rounds=${2:-3} mib=${3:-1024} folder=${4:-${TMPDIR:-/var/tmp}}
# shellcheck source=tests/bench/image_lib.sh
source "$(dirname "$0")/image_lib.sh"
own_memory "$folder" "$@"
bin=$(cd "$build" && pwd)/bin
make_work "$folder"
namespace=nacre-bench-$$ cache_pid=
trap 'stop_cache; ip netns del $namespace 2>/dev/null || true; finish' EXIT

# --- the parts ---------------------------------------------------------------------------------
stop_cache() {
  [ -z "$cache_pid" ] || stop "$cache_pid"
  cache_pid=
}
start_empty_cache() {
  stop_cache
  rm -rf "$work/blobs" "$work/cache.log"
  "$bin/nacre-node-cache" --config "$work/runtime.toml" 2>"$work/cache.log" &
  cache_pid=$!
  until grep -qs node_cache_ready "$work/cache.log"; do
    kill -0 "$cache_pid" || { cat "$work/cache.log" >&2; exit 1; }
    sleep 0.05
  done
}
# write_config [true]: the cache's; true: the registry is on plain http.
write_config() {
  printf '[[registry]]\nprefix = "%s"\ninsecure = %s\n' "$host" "${1:-false}" \
    >"$work/registries.conf"
  cat >"$work/runtime.toml" <<END
[hypervisor]
kernel = "/unused"
initrd = "/unused"
[node_cache]
socket = "$work/cache.sock"
folder = "$work/blobs"
registries_conf = "$work/registries.conf"
extra_ca = "$work/tls.pem"
END
}
# asked KIND: how many requests for manifests, or for blobs, the registry has answered so far.
asked() { grep -c "response completed.*[ =\"]GET.*/$1/" "$work/registry.log" || true; }
# settle: waits until the cache has unpacked all it was asked for.
settle() {
  local begin=$EPOCHREALTIME
  [ "$image" = plain ] || return 0
  until [ "$(grep -c '"blob_unpacked".*"error":""' "$work/cache.log")" -ge 6 ]; do
    ! grep -q '"blob_unpacked".*"error":"[^"]' "$work/cache.log" || exit 1
    sleep 0.05
  done
  say "$link: unpacked after $(awk -v a="$begin" -v b="$EPOCHREALTIME" \
    'BEGIN {printf "%.1f", b - a}') s"
}
# measure WHAT [OPTION...]: one pull into an empty folder, as a line of $work/$link.WHAT.
measure() {
  local manifests blobs result key=()
  [ "$image" = plain ] || key=("$work/key.pem")
  manifests=$(asked manifests) blobs=$(asked blobs)
  result=$("$bin/image_pull" pull "$host/bench:$image" "$work/store" "${key[@]}" "${tls[@]}" \
    "${@:2}")
  rm -rf "$work/store"
  jq -c --argjson manifests $(($(asked manifests) - manifests)) \
    --argjson blobs $(($(asked blobs) - blobs)) \
    '. + {manifests: $manifests, blobs: $blobs}' <<<"$result" >>"$work/$link.$1"
  say "$link, $1: $(tail -n 1 "$work/$link.$1")"
}
of() { jq "$2" "$1" | median; }
table() {
  for ((round = 1; round <= rounds; round++)); do
    measure direct
    start_empty_cache
    measure cold --cache "$work/cache.sock"
    settle
    measure warm --cache "$work/cache.sock"
  done
  local cold warm direct
  direct=$(of "$work/$link.direct" .wall) cold=$(of "$work/$link.cold" .wall)
  warm=$(of "$work/$link.warm" .wall)
  printf '%-34s %8.2f %8.2f %8.2f %9s %9s %6s %6s\n' "$link" "$direct" "$cold" "$warm" \
    "$(ratio "$warm" "$cold")" "$(ratio "$warm" "$direct")" \
    "$(of "$work/$link.warm" .manifests)" "$(of "$work/$link.warm" .blobs)" >>"$work/table"
}

# --- loopback ----------------------------------------------------------------------------------
make_image "$mib"
rm -f "$work/tar"
openssl genrsa -out "$work/key.pem" 2048 2>/dev/null
openssl rsa -in "$work/key.pem" -pubout -out "$work/public.pem" 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry -keyout "$work/tls.key" \
  -addext subjectAltName=IP:10.213.77.2,IP:127.0.0.1 -out "$work/tls.pem" 2>/dev/null
https="tls: {certificate: $work/tls.pem, key: $work/tls.key}"
start_registry 127.0.0.1:0
push plain plain
push plain encrypted --encryption-key "jwe:$work/public.pem"
tls=()
write_config true
for image in plain encrypted; do
  link="$image, loopback, plain http"
  table
done
stop "$registry_pid"
start_registry 127.0.0.1:0 "$https"
tls=(--ca "$work/tls.pem")
write_config
for image in plain encrypted; do
  link="$image, loopback, TLS"
  table
done
image=plain

# --- links -------------------------------------------------------------------------------------
stop "$registry_pid"
ip netns add "$namespace"
ip link add "nacre$$" type veth peer name eth0 netns "$namespace"
ip address add 10.213.77.1/30 dev "nacre$$"
ip link set "nacre$$" up
ip -n "$namespace" address add 10.213.77.2/30 dev eth0
ip -n "$namespace" link set eth0 up
in_front="ip netns exec $namespace"
start_registry 10.213.77.2:5000 "$https"
write_config
for rate in 1000 200; do
  ip netns exec "$namespace" tc qdisc replace dev eth0 root tbf rate "${rate}mbit" burst 512kb \
    latency 20ms
  link="plain, $rate Mbit per s, TLS"
  table
done

printf '%-34s %8s %8s %8s %9s %9s %6s %6s\n' "seconds; medians of $rounds" "no cache" empty warm \
  of_empty of_none asks blobs
cat "$work/table"
