# shellcheck shell=bash
# Shared by all scripts: where things are, how they speak, how they build.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV=$ROOT/.venv
WORK=$VENV/tmp # unfinished work; whatever lies here belongs to no environment
PATHS=$VENV/paths.env
OS_RELEASE=${OS_RELEASE:-/etc/os-release}

# Without bytecode everything starts twice as slowly; the others would lead a
# Python of ours to packages that are not ours.
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH VIRTUAL_ENV

say() { printf '%s\n' "$*" >&2; }

# fail WHAT REMEDY [STATUS]: ends the script with a clear error.
fail() {
  printf '\nerror: %s\n  what helps: %s\n' "$1" "$2" >&2
  exit "${3:-1}"
}

have() { command -v "$1" >/dev/null 2>&1; }

# version_at_least WANTED ACTUAL: compares dotted numbers, part by part.
version_at_least() {
  local wanted actual part
  IFS=. read -r -a wanted <<<"$1"
  IFS=. read -r -a actual <<<"${2%%[!0-9.]*}"
  for part in "${!wanted[@]}"; do
    ((10#${actual[part]:-0} > 10#${wanted[part]})) && return 0
    ((10#${actual[part]:-0} < 10#${wanted[part]})) && return 1
  done
  return 0
}

# digest TEXT|@FILE…: one hash of all of them.
digest() {
  local item
  for item in "$@"; do
    case $item in
      @*) cat "${item#@}" ;;
      *) printf '%s\n' "$item" ;;
    esac
  done | if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -c1-64
}

# up_to_date NAME STAMP: is .venv/NAME whole and made from the same inputs?
up_to_date() { [ "$(cat "$VENV/$1/.stamp" 2>/dev/null)" = "$2" ]; }

# install_folder NEW NAME STAMP: moves a finished folder into its place.
install_folder() {
  rm -rf "$WORK/old"
  if [ -e "$VENV/$2" ]; then mv "$VENV/$2" "$WORK/old"; fi
  mv "$1" "$VENV/$2"
  printf '%s\n' "$3" >"$VENV/$2/.stamp"
  rm -rf "$WORK/old"
}

# One set-up at a time; the lock goes with the process.
take_lock() {
  if ! mkdir -p "$VENV" 2>/dev/null || [ ! -w "$VENV" ]; then
    fail "The folder $VENV cannot be written." \
      "Work in a clone that belongs to you, or give yourself the right to write there."
  fi
  if have flock; then
    exec 9>"$VENV/.lock"
    if ! flock -n 9; then
      say "Another set-up is running here; waiting for it to end …"
      flock 9
    fi
  fi
  rm -rf "$WORK"
  mkdir -p "$WORK"
  trap 'end_child; rm -rf "$WORK"' EXIT
  trap 'say; say "Stopped. Run it again to go on."; exit 130' INT TERM
}

child=
end_child() {
  if [ -n "$child" ]; then
    kill -- "-$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  child=
}

# need_space MEGABYTES WHAT
need_space() {
  local free
  free=$(df -Pk "$VENV" | awk 'NR == 2 { print int($4 / 1024) }')
  if [ "$free" -lt "$1" ]; then
    fail "Not enough disk space for $2: $1 MB are needed, $free MB are free." \
      "Make room where $ROOT lies, then run it again."
  fi
}

# quietly TEXT COMMAND…: runs it, shows the time that passes; its output goes to
# $WORK/log. The command's status is the function's.
quietly() {
  local text=$1 start=$SECONDS status=0 told=0 passed
  shift
  say "$text …"
  # A group of its own, so that all of it can be ended; and without the lock, which
  # nothing that outlives us may keep.
  set -m
  "$@" >"$WORK/log" 2>&1 9>&- </dev/null &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    passed=$((SECONDS - start))
    if [ -t 2 ]; then
      ((passed < 2)) || printf '\r  %d s ' "$passed" >&2
    elif ((passed >= 30 && passed % 30 == 0 && passed != told)); then
      told=$passed
      say "  $passed s"
    fi
  done
  wait "$child" || status=$?
  child=
  if [ -t 2 ]; then printf '\r          \r' >&2; fi
  return "$status"
}

# explain WHAT [STATUS]: ends with the reason that the last log gives.
explain() {
  local remedy="Read the lines above; then run it again."
  tail -n 12 "$WORK/log" | sed 's/^/  | /' >&2
  if grep -qiE 'no space left|disk quota' "$WORK/log"; then
    remedy="Make room on the disk where $ROOT lies, then run it again."
  elif network_failed; then
    remedy="Check the network connection (and HTTPS_PROXY, where you need a proxy), then run it again."
  fi
  fail "$1" "$remedy" "${2:-1}"
}

network_failed() {
  local words='dns error|could not resolve|failure (in name )?resol|name or service not known'
  words="$words|(could not|unable to|failed to) connect|connection (refused|reset|timed out|failed)"
  words="$words|establish a new connection|error sending request|network is unreachable"
  words="$words|no route to host|timed out|certificate verify|proxy error|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT"
  tail -n 30 "$WORK/log" | grep -qiE "$words"
}

# remember KEY VALUE: writes KEY='value' into .venv/paths.env, whole or not at all.
remember() {
  local quoted=${2//\'/\'\\\'\'}
  {
    if [ -f "$PATHS" ]; then grep -v "^$1=" "$PATHS" || true; fi
    printf "%s='%s'\n" "$1" "$quoted"
  } >"$WORK/paths.env"
  mv "$WORK/paths.env" "$PATHS"
}

# remembered KEY: the value, or nothing.
remembered() {
  [ -f "$PATHS" ] || return 0
  (
    unset "$1"
    # shellcheck disable=SC1090
    . "$PATHS"
    printf '%s' "${!1:-}"
  )
}
