# Only images the owner has signed run: the key is a resource of the broker, the signature is
# beside the image, and a policy that was not given lets nothing through.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
stack_image_policy() {
  cat <<EOF
{"default": [{"type": "reject"}],
 "transports": {"docker": {"10.0.2.2:$registry_port": [
   {"type": "sigstoreSigned", "keyPath": "kbs:///default/cosign/owner"}]}}}
EOF
}
stack_up
openssl ecparam -name prime256v1 -genkey -noout -out "$STACK/sign.key"
openssl pkey -in "$STACK/sign.key" -pubout -out "$STACK/sign.pub"
stack_kbs resource set default/cosign/owner "$STACK/sign.pub"

run error stack_run
one_line "$err"
says "$err" "image policy"
says "$err" "it has no Sigstore signature"
silent_about "$out" pearl

owners_name=127.0.0.1:$registry_port/$stack_repository
run 0 nacre image sign --key "$STACK/sign.key" --insecure "127.0.0.1:$registry_port" \
  --identity "10.0.2.2:$registry_port/demo/pearl" "$owners_name"
run 0 stack_run
says "$out" "the pearl is inside"
nothing_left
