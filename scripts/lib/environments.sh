# shellcheck shell=bash
# The two locked environments, one for each Home Assistant version.

# setup_environment current|floor
setup_environment() {
  local name=$1 lock=$ROOT/requirements/$1.txt stamp
  stamp=$(digest "$ROOT" "environment 1" "@$lock")
  if ! up_to_date "$name" "$stamp" || ! "$VENV/$name/bin/python" -c '' 2>/dev/null; then
    use_cache
    setup_uv
    setup_python
    need_space 1500 "the environment $name"
    quietly "Making .venv/$name: Home Assistant $(home_assistant_version "$lock")" \
      make_environment "$lock" "$WORK/$name" ||
      explain "The environment $name could not be made."
    install_folder "$WORK/$name" "$name" "$stamp"
  fi
  if [ "$name" = current ]; then remember PYTHON "$VENV/current/bin/python"; fi
  say "Home Assistant $(home_assistant_version "$lock"): .venv/$name"
}

home_assistant_version() { sed -n 's/^homeassistant==\([^ ]*\).*/\1/p' "$1"; }

# Relocatable, since it is made under another name and then moved.
make_environment() {
  "$UV" venv --quiet --no-project --relocatable --python "$PYTHON" "$2" || return 1
  "$UV" pip sync --python "$2/bin/python" --require-hashes "$1" || return 1
  "$2/bin/python" -c 'import homeassistant, pytest'
}
