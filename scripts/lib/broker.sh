# shellcheck shell=bash
# Mosquitto: the machine's own, else the distribution's package in .venv/mosquitto.

BROKER_PLACES=${BROKER_PLACES-/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin}
NO_BROKER=3 # the exit status by which a caller knows that it has to do without

setup_broker() {
  local stamp broker
  stamp=$(digest "mosquitto 1" "$(os_field VERSION_CODENAME)")
  broker=$(find_broker || true)
  if [ -z "$broker" ]; then
    broker=$VENV/mosquitto/bin/mosquitto
    if ! up_to_date mosquitto "$stamp"; then
      packages_supported || {
        remember MOSQUITTO ""
        fail "There is no Mosquitto 2 here." \
          "Install Mosquitto 2 (on macOS: brew install mosquitto) and see that it is on the PATH." \
          "$NO_BROKER"
      }
      need_space 100 "Mosquitto"
      quietly "Getting Mosquitto from the system's package source, into .venv/mosquitto" \
        make_broker "$WORK/mosquitto" || {
        remember MOSQUITTO ""
        explain "Mosquitto could not be had from the system's package source." "$NO_BROKER"
      }
      install_folder "$WORK/mosquitto" mosquitto "$stamp"
    fi
  fi
  remember MOSQUITTO "$broker"
  say "Mosquitto: $broker"
}

find_broker() {
  local path version
  path=$(PATH=$PATH:$BROKER_PLACES command -v mosquitto) || return 1
  version=$("$path" -h 2>/dev/null | sed -n 's/^mosquitto version //p')
  version_at_least 2.0 "$version" && printf '%s' "$path"
}

make_broker() {
  local program help
  download_packages own /var/lib/dpkg/status "$1" mosquitto mosquitto-clients || return 1
  for program in sbin/mosquitto bin/mosquitto_pub bin/mosquitto_sub; do
    write_wrapper "$1" "usr/$program" || return 1
    # Asked for help, each names itself, and ends with a status other than 0.
    help=$("$1/bin/${program##*/}" --help 2>&1 || true)
    case $help in
      mosquitto*) ;;
      *)
        printf '%s\n' "$help"
        return 1
        ;;
    esac
  done
}
