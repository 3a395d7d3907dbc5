# The guest image built again in another folder has the same bytes; its kernel may be chosen.
set -euo pipefail
source "$(dirname "$0")/lib/check.sh"
begin "$1"
mkdir -p "$STACK/again"
cp -r "$guest/cache" "$STACK/again/cache"
run 0 "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" --out "$STACK/again"
for file in vmlinuz vmlinux initrd.img manifest.json; do
  cmp "$guest/$file" "$STACK/again/$file" || failed "$file differs"
done

# A kernel package of one's own: this one gives the same bytes, and what is none is refused.
package=$(ls "$guest"/cache/*.deb)
run 0 "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" --out "$STACK/own" \
  --kernel "$package"
says "$err" "has no driver of SNP or TDX: for emulated TEEs only"
cmp "$guest/manifest.json" "$STACK/own/manifest.json" || failed "another manifest"
run error "$stack_source/guest-image/build.sh" --build "$NACRE_BUILD" --out "$STACK/none" \
  --kernel "$STACK/none.deb"
one_line "$err"
says "$err" "no kernel package"
