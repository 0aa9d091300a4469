#!/usr/bin/env bash
# Keeps a PNG file equal to the login picture of a GREEN-API instance, over MQTT.
#
#   qr-to-file.sh TOPIC FILE [OPTION OF MOSQUITTO_SUB…]
#   qr-to-file.sh green_api/1101000001 /srv/panel/qr.png -h broker.example -u panel
#
# The file is replaced as a whole, and is not there while no picture is valid: a code
# never outlives its time. It ends with the script. Needs bash 5, GNU coreutils and
# mosquitto_sub; see mosquitto_sub.md beside it.
set -euo pipefail

if [ $# -lt 2 ]; then
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
topic=${1%/} file=$2
shift 2
if ! command -v mosquitto_sub >/dev/null; then
  echo "There is no mosquitto_sub here: install Mosquitto's clients." >&2
  exit 1
elif [ -z "${EPOCHREALTIME:-}" ]; then
  echo "This needs bash 5." >&2
  exit 1
fi

umask 077 # whoever can read a code can link an account

folder=$(dirname -- "$file")
new=$(mktemp "$folder/.${file##*/}.XXXXXX") # beside the file, so that it can be moved
listener=
image= # the checksum of what lies in $new
shown= # the checksum of what lies in $file, while there is something
valid= expires= checksum= # what qr/meta says: true or false, in ms, of the picture

end() {
  if [ -n "$listener" ]; then kill "$listener" 2>/dev/null || true; fi
  rm -f -- "$new" "$file"
}
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
trap 'exit 129' HUP

# unhex TEXT: the bytes; bash's printf knows \x00 too.
unhex() {
  local escaped
  escaped=$(sed 's/../\\x&/g' <<<"$1")
  # shellcheck disable=SC2059 # the escapes are to be read
  printf "$escaped"
}

now() { echo "$((${EPOCHREALTIME/[.,]/} / 1000))"; }

hide() {
  shown=
  rm -f -- "$file"
}

# Half a second early, whatever holds the shell up.
left() { echo "$((expires - $(now) - 500))"; }

# take NAME EXPIRY HEX: one message below qr/.
take() {
  local meta
  case $1 in
    image)
      unhex "$3" >"$new"
      image=$(sha256sum <"$new" | cut -c1-64)
      ;;
    meta)
      meta=$(unhex "$3")
      valid= expires=0 checksum=
      if [[ $meta =~ \"valid\":\ *(true|false) ]]; then valid=${BASH_REMATCH[1]}; fi
      if [[ $meta =~ \"sha256\":\ *\"([0-9a-f]{64})\" ]]; then checksum=${BASH_REMATCH[1]}; fi
      # With MQTT 5 the broker says how long it is still valid; else the clock has to be right.
      if [ -n "$2" ]; then
        expires=$(($(now) + $2 * 1000))
      elif [[ $meta =~ \"expires_at\":\ *\"([^\"]+)\" ]]; then
        expires=$(($(date -d "${BASH_REMATCH[1]}" +%s) * 1000))
      fi
      ;;
    availability)
      if [ "$valid" = true ] && [ "$(unhex "$3")" != online ]; then valid=; fi
      ;;
  esac
  if [ "$valid" = true ] && [ "$(left)" -le 0 ]; then valid=; fi
  if [ -z "$valid" ] || [ -z "$checksum" ]; then
    hide
  elif [ "$checksum" != "$shown" ]; then
    hide
    # A picture and a meta of two different moments do not belong together.
    if [ "$checksum" = "$image" ]; then
      mv -f -- "$new" "$file"
      shown=$image image=
    fi
  fi
}

follow() {
  local name expiry hex wait status
  exec 3< <(exec mosquitto_sub -V mqttv5 "$@" -q 1 -t "$topic/qr/+" -F '%t|%E|%x')
  listener=$!
  while :; do
    wait=()
    if [ -n "$shown" ] && [ "$valid" = true ]; then
      if [ "$(left)" -le 0 ]; then
        hide
        continue
      fi
      wait=(-t "$(printf '%d.%03d' $(($(left) / 1000)) $(($(left) % 1000)))")
    fi
    status=0
    IFS='|' read -r ${wait[@]+"${wait[@]}"} -u 3 name expiry hex || status=$?
    if [ "$status" -gt 128 ]; then
      hide # its time is over
    elif [ "$status" -gt 0 ]; then
      break # mosquitto_sub has ended
    else
      take "${name##*/}" "$expiry" "$hex"
    fi
  done
}

# mosquitto_sub comes back by itself after an outage, but gives up at a first failure.
while :; do
  follow "$@"
  hide
  sleep 5 &
  listener=$!
  wait "$listener"
done
