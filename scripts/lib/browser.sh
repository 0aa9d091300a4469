# shellcheck shell=bash
# Chromium: the machine's own, else the distribution's package in .venv/chromium,
# else the one that Playwright brings.

NO_BROWSER=4

setup_browser() {
  local stamp browser
  stamp=$(digest "chromium 1" "$(os_field VERSION_CODENAME)")
  browser=$(remembered CHROMIUM)
  case $browser in
    "" | "$VENV"/*)
      browser=
      if up_to_date chromium "$stamp"; then browser=$VENV/chromium/$(cat "$VENV/chromium/program"); fi
      ;;
  esac
  if [ ! -x "$browser" ]; then
    remember CHROMIUM ""
    browser=$(find_browser) || {
      make_browser
      install_folder "$WORK/chromium" chromium "$stamp"
      browser=$VENV/chromium/$(cat "$VENV/chromium/program")
    }
  fi
  remember CHROMIUM "$browser"
  say "Chromium: $browser"
}

find_browser() {
  local name path
  for name in chromium chromium-browser google-chrome google-chrome-stable chrome \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    path=$(command -v "$name") || continue
    if browser_works "$path" 2>/dev/null; then
      printf '%s' "$path"
      return
    fi
  done
  return 1
}

# A page is rendered, since some a system has on its PATH are only placeholders.
browser_works() {
  local limit=() page
  if have timeout; then limit=(timeout --foreground 60); fi
  page=$(${limit[@]+"${limit[@]}"} "$1" --headless --no-sandbox --disable-gpu --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$WORK/profile" --dump-dom 'data:text/html,<p>it works</p>' \
    2>"$WORK/browser.log" </dev/null || true)
  case $page in
    *'it works'*) ;;
    *)
      tail -n 5 "$WORK/browser.log" >&2
      return 1
      ;;
  esac
}

make_browser() {
  need_space 1000 "Chromium"
  # Ubuntu's package is only a pointer to a snap.
  if [ "$(os_field ID)" = debian ] && packages_supported; then
    quietly "Getting Chromium from the system's package source, into .venv/chromium" \
      make_packaged_browser "$WORK/chromium" && return
    tail -n 5 "$WORK/log" | sed 's/^/  | /' >&2
    rm -rf "$WORK/chromium"
  fi
  setup_environment current
  quietly "Getting Chromium by Playwright, into .venv/chromium" \
    make_playwright_browser "$WORK/chromium" ||
    explain "There is no Chromium here, and none could be had; your system's packages may have one." \
      "$NO_BROWSER"
}

make_packaged_browser() {
  download_packages own /var/lib/dpkg/status "$1" \
    chromium fonts-dejavu-core fonts-noto-color-emoji || return 1
  cat >"$1/fonts.conf" <<'CONF'
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
  <alias><family>serif</family><prefer><family>DejaVu Serif</family></prefer></alias>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
CONF
  # shellcheck disable=SC2016 # the wrapper itself knows where it stands
  write_wrapper "$1" usr/lib/chromium/chromium 'export FONTCONFIG_FILE="$here/fonts.conf"' ||
    return 1
  echo bin/chromium >"$1/program"
  browser_works "$1/bin/chromium"
}

make_playwright_browser() {
  export PLAYWRIGHT_BROWSERS_PATH=$1 PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT=15000
  local program
  "$VENV/current/bin/python" -m playwright install chromium || return 1
  program=$("$VENV/current/bin/python" -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)') || return 1
  printf '%s\n' "${program#"$1/"}" >"$1/program"
  browser_works "$program"
}
