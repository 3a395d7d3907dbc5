#!/usr/bin/env bash
# Pods of one node that start the same image, one after the other: without a node cache, first with
# an empty one, then with what that has left. The registry is once on loopback, where the network
# costs nothing and unpacking is all there is to wait for, and then behind links as people have
# them: in a network namespace of its own, with TLS, and with a token bucket on the way to us. The
# kernel of most machines cannot add a delay to that, which makes what comes from far away look
# nearer than it is. Everything runs on the same processors: the registry, the cache and the guest's
# part, which here is a process and its port a socket.
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
# measure WHAT [OPTION...]: one pull into an empty folder, as a line of $work/$link.WHAT.
measure() {
  local manifests blobs result
  manifests=$(asked manifests) blobs=$(asked blobs)
  result=$("$bin/image_pull" pull "$host/bench:plain" "$work/store" "${tls[@]}" "${@:2}")
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
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=registry -keyout "$work/tls.key" \
  -addext subjectAltName=IP:10.213.77.2 -out "$work/tls.pem" 2>/dev/null
start_registry 127.0.0.1:0
push plain plain
tls=() link="loopback, plain http"
write_config true
table

# --- links -------------------------------------------------------------------------------------
stop "$registry_pid"
ip netns add "$namespace"
ip link add "nacre$$" type veth peer name eth0 netns "$namespace"
ip address add 10.213.77.1/30 dev "nacre$$"
ip link set "nacre$$" up
ip -n "$namespace" address add 10.213.77.2/30 dev eth0
ip -n "$namespace" link set eth0 up
in_front="ip netns exec $namespace"
start_registry 10.213.77.2:5000 \
  "tls: {certificate: $work/tls.pem, key: $work/tls.key}"
tls=(--ca "$work/tls.pem")
write_config
for rate in 1000 200; do
  ip netns exec "$namespace" tc qdisc replace dev eth0 root tbf rate "${rate}mbit" burst 512kb \
    latency 20ms
  link="TLS over $rate Mbit per s"
  table
done

printf '%-34s %8s %8s %8s %9s %9s %6s %6s\n' "seconds; medians of $rounds" "no cache" empty warm \
  of_empty of_none asks blobs
cat "$work/table"
