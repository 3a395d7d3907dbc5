#!/usr/bin/env bash
# Every #include stays within what docs/design/rooms.toml allows its room.
. "$(dirname "$0")/lib.sh"

files '*.h' '*.cc' '*.c' | xargs grep -HnE '^[[:space:]]*#[[:space:]]*include' | awk '
  function rule(key, text,    value) {        # ["a", "b"] -> " a b "
    value = text
    gsub(/[][",]/, " ", value)
    gsub(/ +/, " ", value)
    return " " value " "
  }
  function room_of(path,    name, best) {
    best = ""
    for (name in uses)
      if (index(path, name "/") == 1 && length(name) > length(best)) best = name
    return best
  }
  function allowed(room, target,    part, count, names, i) {
    if (index(target, room "/") == 1) return 1
    count = split(uses[room], names, " ")
    for (i = 1; i <= count; i++) if (index(target, names[i] "/") == 1) return 1
    return 0
  }
  FNR == NR {
    if ($0 ~ /^\[/) { room = $0; gsub(/[][]/, "", room); uses[room] = ""; next }
    if ($0 ~ /^uses = /) { sub(/^uses = /, ""); uses[room] = rule("uses", $0); next }
    if ($0 ~ /^libraries = /) {
      sub(/^libraries = /, "")
      count = split(rule("libraries", $0), names, " ")
      for (i = 1; i <= count; i++) owner[names[i]] = room
      next
    }
    if ($0 !~ /^(#.*)?$/) print "rooms.toml:" FNR ": not understood: " $0
    next
  }
  {
    match($0, /^[^:]*:[^:]*:/)
    place = substr($0, 1, RLENGTH - 1)
    file = place
    sub(/:.*/, "", file)
    line = substr($0, RLENGTH + 1)
    if (!match(line, /[<"][^>"]+[>"]/)) { print place ": include that cannot be read"; next }
    quoted = substr(line, RSTART, 1) == "\""
    target = substr(line, RSTART + 1, RLENGTH - 2)
    room = room_of(file)
    if (room == "") { print place ": file in no room of rooms.toml"; next }
    for (prefix in owner)
      if (index(target, prefix) == 1 && owner[prefix] != room &&
          index(room, owner[prefix] "/") != 1)
        print place ": " target " belongs to " owner[prefix] ", not " room
    if (!quoted) next
    to = room_of(target)
    top = target
    sub(/\/.*/, "", top)
    known = 0
    for (name in uses) if (name == top || index(name, top "/") == 1) known = 1
    if (!known && top ~ /^(absl|google|toml\+\+)$/) next      # outside libraries in quotes
    if (!known) { print place ": " target " is not a path from the top of the tree"; next }
    if (!allowed(room, target)) print place ": " room " may not include " target
  }' docs/design/rooms.toml - | report
finish
