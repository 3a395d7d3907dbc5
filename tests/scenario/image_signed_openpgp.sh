# A guest with gpgv in it and a policy that demands an OpenPGP signature ("signedBy"): an image that
# skopeo signed with the owner's key runs; unsigned, and signed by another, it is refused and the
# guest says why. The signature is in a lookaside store, the key in the broker. The guest knows the
# registry under another name than the owner, which the policy says too (remapIdentity).
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
for tool in gpg gpgv python3; do
  command -v $tool >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
begin "$1"

# The guest of this scenario; its kernel is the one that is there.
mkdir -p "$STACK/guest"
[ ! -d "$guest/cache" ] || ln -s "$guest/cache" "$STACK/guest/cache"
stack_step guest-image "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" \
  --out "$STACK/guest" --openpgp
guest=$STACK/guest
grep -q usr/bin/gpgv "$guest/manifest.json" || failed "the guest has no gpgv"

mkdir -p "$STACK/signatures"
stack_start lookaside python3 -u -m http.server 0 --bind 127.0.0.1 --directory "$STACK/signatures"
stack_wait lookaside 10 grep -q 'Serving HTTP on' "$STACK/log/lookaside.log"
lookaside_port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$STACK/log/lookaside.log")

stack_image_policy() {
  cat <<END
{"default": [{"type": "reject"}],
 "transports": {"docker": {"10.0.2.2:$registry_port": [
   {"type": "signedBy", "keyType": "GPGKeys", "keyPath": "kbs:///default/gpg/owner",
    "signedIdentity": {"type": "remapIdentity", "prefix": "10.0.2.2:$registry_port",
                       "signedPrefix": "127.0.0.1:$registry_port"}}]}}}
END
}
# Signatures are fetched by the rules for registries: plain http only from those listed.
eval "plain_$(declare -f stack_initdata)"
stack_initdata() {
  plain_stack_initdata
  sed -i -e "s/^insecure_registries = .*/insecure_registries = \
[\"10.0.2.2:$registry_port\", \"10.0.2.2:$lookaside_port\"]/" \
    -e "s|^\[image\]\$|[image]\nsigstore_config = '{\"default-docker\": {\"lookaside\": \
\"http://10.0.2.2:$lookaside_port\"}}'|" "$STACK/initdata.toml"
}
stack_up

# new_key NAME: prints its fingerprint; the public key is in $STACK/NAME.gpg.
export GNUPGHOME=$STACK/gpg
mkdir -m 700 "$GNUPGHOME"
new_key() {
  gpg --batch -q --pinentry-mode loopback --passphrase '' \
    --quick-gen-key "$1@example.com" ed25519 sign never 2>"$STACK/log/gpg.log" ||
    failed "gpg: $(tail -n 1 "$STACK/log/gpg.log")"
  gpg --batch -q --export "$1@example.com" >"$STACK/$1.gpg"
  gpg --batch -q --with-colons -k "$1@example.com" 2>>"$STACK/log/gpg.log" |
    sed -n '/^fpr/{s/^fpr:*\(.*\):$/\1/p;q}'
}
# sign_by FINGERPRINT: skopeo signs the image that is in the registry, and nothing else is kept.
sign_by() {
  local image=docker://127.0.0.1:$registry_port/$stack_repository
  rm -rf "$STACK/signatures"/*
  stack_step sign skopeo --registries.d "$STACK/registries.d" copy -q --preserve-digests \
    --src-tls-verify=false --dest-tls-verify=false --sign-by "$1" "$image" "$image"
}
mkdir "$STACK/registries.d"
printf 'default-docker:\n  sigstore-staging: file://%s/signatures\n' "$STACK" \
  >"$STACK/registries.d/default.yaml"
owner=$(new_key owner)
stranger=$(new_key stranger)
stack_kbs resource set default/gpg/owner "$STACK/owner.gpg"

run error stack_run
one_line "$err"
says "$err" "image policy"
says "$err" "it has no OpenPGP signature"
silent_about "$out" pearl

sign_by "$stranger"
run error stack_run
one_line "$err"
says "$err" "by none of the keys"
silent_about "$out" pearl

sign_by "$owner"
run 0 stack_run
says "$out" "the pearl is inside"
gpgconf --kill all
nothing_left
