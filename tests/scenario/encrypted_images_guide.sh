# The commands of docs/guide/encrypted-images.md, one after the other, do what the page says.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
build=$(cd "$1" && pwd)
PATH=$build/bin:$PATH
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
for tool in skopeo umoci openssl; do
  command -v "$tool" >/dev/null || { echo "skipped: needs $tool"; exit 77; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/nacre.XXXXXX")
trap 'rm -rf "$work"' EXIT
out=$work/out err=$work/err
{
  echo 'set -euo pipefail'
  awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0 } inside' \
    "$source_dir/docs/guide/encrypted-images.md"
} >"$work/guide.sh"
cd "$work"
run 0 bash guide.sh
says refused.txt "jwe with foreign.key: JWE: not for this key, or changed"
says refused.txt "pkcs7 with foreign.key: PKCS#7: not for this key, or changed"
[ ! -e nothing ] || { echo "a layout that did not open is left behind"; exit 1; }

# The digests of the layers of an image, one a line.
layers() {
  skopeo inspect --raw "oci:$1" | grep -o '"digest": *"sha256:[0-9a-f]*"' | tail -n +2
}
layers image:1 >plain.txt
[ -s plain.txt ]
for opened in opened-by-skopeo:1 opened-by-nacre:1 opened-with-key:1; do
  layers "$opened" | diff plain.txt - || { echo "$opened is not what was encrypted"; exit 1; }
done
for sealed in for-guests:1 sealed:1 by-skopeo:1 sealed:for-guests; do
  skopeo inspect --raw "oci:$sealed" | grep -q '+encrypted"'
done
