# shellcheck shell=bash
# Debian's and Ubuntu's packages, unpacked into a folder of ours. It needs no root
# and changes nothing of the system: apt works on a private state, dpkg only unpacks.

# os_field NAME: a field of os-release, or nothing.
os_field() {
  [ -r "$OS_RELEASE" ] || return 0
  sed -n "s/^$1=//p" "$OS_RELEASE" | tr -d "\"'" | head -n 1
}

packages_supported() {
  case $(os_field ID) in
    debian | ubuntu) have apt-get && have apt-config && have dpkg ;;
    *) return 1 ;;
  esac
}

# The first release that carries Python 3.14.
newer_suite() {
  case $(os_field ID) in
    ubuntu) echo resolute ;;
    *) echo forky ;;
  esac
}

# write_sources SUITE|own FOLDER: the machine's own sources, for another suite.
write_sources() {
  local own file
  own=$(os_field VERSION_CODENAME)
  for file in "${APT_ETC:-/etc/apt}"/sources.list.d/{debian,ubuntu}.sources; do
    [ -r "$file" ] || continue
    awk -v own="$own" -v suite="$1" '
      BEGIN { RS = ""; FS = "\n" }
      /(^|\n)Enabled: *no/ || !/(^|\n)Types:[^\n]*deb( |\n|$)/ { next }
      {
        mine = $0 ~ ("(^|\n)Suites:([^\n]* )?" own "( |\n|$)")
        if (first == "" || (mine && !found)) { first = $0 }
        if (mine) { found = 1 }
      }
      END {
        count = split(first, line, "\n")
        for (i = 1; i <= count; i++) {
          if (line[i] ~ /^Types:/) { line[i] = "Types: deb" }
          if (line[i] ~ /^Suites:/ && suite != "own") { line[i] = "Suites: " suite }
          print line[i]
        }
      }' "$file" >"$2/machine.sources"
    [ ! -s "$2/machine.sources" ] || return 0
  done
  rm -f "$2/machine.sources"
  awk -v own="$own" -v suite="$1" '
    $1 != "deb" { next }
    {
      at = 2
      if ($2 ~ /^\[/) { while ($at !~ /\]$/) { at++ } at++ }
      if ($(at + 1) != own) { next }
      if (suite != "own") { $(at + 1) = suite }
      print
    }' "${APT_ETC:-/etc/apt}/sources.list" >"$2/machine.list" 2>/dev/null || true
  [ -s "$2/machine.list" ]
}

# private_apt SUITE STATUS: makes the private state. The network settings are the
# machine's; its hooks are not, since they would touch the system.
private_apt() {
  local apt=$WORK/apt
  rm -rf "$apt"
  mkdir -p "$apt"/{lists,archives}/partial "$apt"/{sources,empty}
  write_sources "$1" "$apt/sources" || return 1
  {
    apt-config dump Acquire
    printf '%s "%s";\n' \
      Dir::Etc::main /dev/null \
      Dir::Etc::parts "$apt/empty" \
      Dir::Etc::sourcelist /dev/null \
      Dir::Etc::sourceparts "$apt/sources" \
      Dir::Etc::preferences /dev/null \
      Dir::Etc::preferencesparts "$apt/empty" \
      Dir::State::lists "$apt/lists" \
      Dir::State::status "$2" \
      Dir::Cache::archives "$apt/archives" \
      Dir::Cache::pkgcache "" \
      Dir::Cache::srcpkgcache "" \
      APT::Architecture "$(dpkg --print-architecture)" \
      APT::Sandbox::User "$(id -un)" \
      APT::Get::Assume-Yes true \
      APT::Install-Recommends false \
      Acquire::Languages none \
      Acquire::Retries 2 \
      Acquire::http::Timeout 20 \
      Acquire::https::Timeout 20 \
      Debug::NoLocking true
    printf '#clear APT::Architectures;\nAPT::Architectures { "%s"; };\n' \
      "$(dpkg --print-architecture)"
  } >"$apt/conf"
}

# download_packages SUITE|own STATUS FOLDER PACKAGE…
download_packages() {
  local suite=$1 status=$2 folder=$3 package
  shift 3
  private_apt "$suite" "$status" || {
    echo "The package sources of this system were not understood."
    return 1
  }
  export APT_CONFIG=$WORK/apt/conf LC_ALL=C
  apt-get -q -o APT::Update::Error-Mode=any update || return 1
  apt-get -q --download-only install "$@" || return 1
  mkdir -p "$folder"
  for package in "$WORK/apt/archives"/*.deb; do
    case ${package##*/} in
      # A second C library of the same release could only differ from the loader.
      libc6_*) [ "$suite" != own ] || continue ;;
    esac
    dpkg -x "$package" "$folder" || return 1
  done
  rm -rf "$WORK/apt"
}

# write_wrapper FOLDER PROGRAM [LINE…]: FOLDER/bin/… starts FOLDER/PROGRAM with the
# libraries beside it, wherever the folder stands. LINEs may speak of $here.
write_wrapper() {
  local folder=$1 program=$2 wrapper=$1/bin/${2##*/} directory libraries=
  shift 2
  while IFS= read -r directory; do
    libraries="$libraries\$here${directory#"$folder"}:"
  done < <(find "$folder" -name 'lib*.so*' -exec dirname {} + | sort -u)
  mkdir -p "$folder/bin"
  # shellcheck disable=SC2016 # the wrapper is to expand them
  {
    printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")/.." && pwd)\n'
    printf 'export LD_LIBRARY_PATH="%s"\n' "${libraries%:}"
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi
    printf 'exec "$here/%s" "$@"\n' "$program"
  } >"$wrapper"
  chmod +x "$wrapper"
}
