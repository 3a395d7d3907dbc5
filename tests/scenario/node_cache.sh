# The node's cache of blobs: a second pod asks the registry for its manifest alone; a cache that
# lies, dies or is unwanted changes nothing but that.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_up

# What the guest calls 10.0.2.2 is this node's own loopback.
cat >"$STACK/registries.conf" <<EOF
[[registry]]
prefix = "10.0.2.2:$registry_port"
location = "127.0.0.1:$registry_port"
insecure = true
EOF
cat >>"$STACK/runtime.toml" <<EOF
[node_cache]
socket = "$STACK/cache.sock"
folder = "$STACK/blobs"
registries_conf = "$STACK/registries.conf"
EOF
start_cache() {
  stack_start node-cache nacre-node-cache --config "$STACK/runtime.toml"
  stack_wait node-cache 10 grep -q node_cache_ready "$STACK/log/node-cache.log"
}

blob_reads() { grep -c '"response completed".*GET.*/blobs/\|GET.*/blobs/.*"response completed"' \
  "$STACK/log/registry.log" || true; }
# reads_of_run WANTED: runs the pod, which must succeed, and compares what the registry was asked.
reads_of_run() {
  local before
  before=$(blob_reads)
  run 0 stack_run
  says "$out" "the pearl is inside"
  [ $(($(blob_reads) - before)) -eq "$1" ] ||
    failed "the registry gave $(($(blob_reads) - before)) blobs, wanted $1"
}

start_cache
reads_of_run 2 # configuration and layer, by way of the cache
says "$STACK/log/node-cache.log" guest_admitted
reads_of_run 0 # the second pod

# Every blob the cache has is changed by one byte: the guest sees it and asks the registry.
for data in "$STACK"/blobs/blobs/*/data; do
  printf '\x55\xaa' | dd of="$data" bs=1 seek=100 conv=notrunc status=none
done
reads_of_run 2

# An image that is not encrypted: its layer is kept unpacked too, and the second pod has it from
# there, which is seen by its blob being damaged; then that form is damaged as well.
encrypted=$image
stack_step plain skopeo copy --dest-tls-verify=false "oci:$STACK/image:1" \
  "docker://127.0.0.1:$registry_port/demo/plain:1"
image=10.0.2.2:$registry_port/demo/plain:1
stack_end node-cache
rm -rf "$STACK/blobs"
start_cache
reads_of_run 2
stack_wait node-cache 20 grep -q '"blob_unpacked".*"error":""' "$STACK/log/node-cache.log"
tars=("$STACK"/blobs/blobs/*/tar)
[ ${#tars[@]} -eq 1 ] || failed "${#tars[@]} layers are kept unpacked, wanted the plain one"
damage() { printf '\x55\xaa' | dd of="$1" bs=1 seek=100 conv=notrunc status=none; }
damage "${tars[0]%tar}data"
reads_of_run 0
damage "${tars[0]}"
reads_of_run 1
image=$encrypted

# It is killed: its socket stays, and pods start without it.
kill -9 "$(cat "$STACK/pid/node-cache")"
rm -f "$STACK/pid/node-cache"
reads_of_run 2

# The owner minds. The measurement is the same; initdata, and so what is reported of it, is not.
rm -rf "$STACK/blobs"
start_cache
sed -i 's/^\[registry\]$/[node_cache]\nenabled = false\n[registry]/' "$STACK/initdata.toml"
stack_register
reads_of_run 2
silent_about "$STACK/log/node-cache.log" blob_fetched
nothing_left
