# The guest image built again in another folder has the same bytes.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
mkdir -p "$STACK/again"
cp -r "$guest/cache" "$STACK/again/cache"
run 0 "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" --out "$STACK/again"
for file in vmlinuz vmlinux initrd.img manifest.json; do
  cmp "$guest/$file" "$STACK/again/$file" || failed "$file differs"
done
