# An image of six layers, each encrypted with a key of its own: the owner's tool puts it into the
# registry by itself, and the guest that runs it attests once and asks its broker for one key.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
eval "plain_$(declare -f stack_image)"
stack_image() {
  plain_stack_image
  for number in 2 3 4 5 6; do
    echo "layer $number" >"$STACK/layer.txt"
    stack_step "layer$number" umoci insert --image "$STACK/image:1" "$STACK/layer.txt" \
      "/layer$number.txt"
  done
}
stack_encrypt_and_push() {
  key_uri=kbs:///default/image-key/1
  head -c 32 /dev/urandom >"$STACK/image.key"
  stack_step encrypt nacre image encrypt --insecure "127.0.0.1:$registry_port" --encryption-key \
    "provider:attestation-agent:keyid=$key_uri::keypath=$STACK/image.key" \
    "oci:$STACK/image:1" "docker://127.0.0.1:$registry_port/$stack_repository"
}
stack_up
skopeo inspect --raw --tls-verify=false "docker://127.0.0.1:$registry_port/$stack_repository" \
  >"$out"
[ "$(jq '[.layers[] | select(.mediaType | endswith("+encrypted"))] | length' "$out")" -eq 6 ] ||
  failed "not six encrypted layers"

# asked METHOD PATH WANTED: what the broker was asked, from its log.
asked() {
  local count
  count=$(grep -F '"request"' "$STACK/log/kbs.log" | grep -F "\"method\":\"$1\"" |
    grep -cF "\"path\":\"$2\"" || true)
  [ "$count" -eq "$3" ] || failed "the broker had $count requests $1 $2, wanted $3"
}
run 0 stack_run -- /bin/sh -c 'cat /pearl.txt /layer6.txt'
says "$out" "the pearl is inside"
says "$out" "layer 6"
asked POST /kbs/v0/auth 1
asked POST /kbs/v0/attest 1
asked GET /kbs/v0/resource/default/image-key/1 1
nothing_left
