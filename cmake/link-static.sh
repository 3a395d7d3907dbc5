#!/bin/sh
# Runs a link command with the static form of every library that has one. The C library stays
# shared: other programs of the guest load it anyway. Called by nacre_static_libraries() in
# targets.cmake.
set -eu
archives=
for word; do
  shift
  case $word in
    /usr/lib/*/lib*.so*)
      archive=${word%%.so*}.a
      [ ! -e "$archive" ] || word=$archive ;;
  esac
  case $word in *.a) archives="$archives $word" ;; esac
  set -- "$@" "$word"
done
# Static libraries are order-sensitive where shared ones are not; in a group they are searched until
# nothing is missing.
# shellcheck disable=SC2086
exec "$@" -static-libstdc++ -static-libgcc -Wl,--start-group $archives -Wl,--end-group
