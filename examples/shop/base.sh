#!/bin/sh
# Makes the shop's base file systems from Debian packages, without any container registry:
#   base.tar   libc, a shell and Python with redis' client
#   redis.tar  what redis-server needs beside that
# Usage: base.sh DIRECTORY    (as root; needs mmdebstrap; nothing is done when the files are there)
#   DEBIAN_MIRROR  where debian and debian-security are. Default: where this machine's apt gets them from
set -eu

directory=$1
release=trixie
# Taken before anything else, so that a change of this script makes new files.
recipe=$(sha256sum "$0" | cut -c1-12)
[ "$(cat "$directory/recipe" 2>/dev/null)" != "$recipe" ] || exit 0

# One mirror holds all releases, so any release of Debian on this machine tells where trixie is.
repository() { # LABEL NAME
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    echo "$DEBIAN_MIRROR/$2"
    return
  fi
  uri=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
    sed -n "s/^Debian|$1|//p" | head -n 1)
  [ -n "$uri" ] || {
    echo "base.sh: apt of this machine knows no packages of Debian: run apt-get update, or say where they are in DEBIAN_MIRROR" >&2
    exit 1
  }
  echo "${uri%/}"
}
debian=$(repository Debian debian)
security=$(repository Debian-Security debian-security)

mkdir -p "$directory"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Packages are only unpacked, not configured: no package manager, no init system, no users but root and nobody.
extract() { # ROOT PACKAGE,...
  mmdebstrap --quiet --variant=extract --include="$2" "$release" "$1" \
    "deb $debian $release main" \
    "deb $debian $release-updates main" \
    "deb $security $release-security main"
  (
    cd "$1"
    rm -rf usr/share/bash-completion usr/share/bug usr/share/common-licenses usr/share/debconf usr/share/doc \
      usr/share/info usr/share/lintian usr/share/locale usr/share/man usr/share/perl5 usr/share/zoneinfo \
      usr/lib/systemd usr/lib/init etc/apt etc/cron.daily etc/default etc/init.d etc/logrotate.d etc/systemd \
      dev proc sys run boot media mnt srv var tmp
    rm -rf usr/bin/redis-benchmark usr/bin/redis-check-aof usr/lib/python3*/pydoc_data usr/lib/python3*/lib-dynload/_test*
    find usr/lib/*/gconv -type f ! -name 'gconv-modules*' ! -name 'UTF-*' ! -name 'ISO8859-1.so' -delete
    mkdir -p dev proc sys run var/lib tmp
    chmod 1777 tmp
    echo 'root:x:0:0:root:/root:/bin/sh' > etc/passwd
    echo 'nobody:x:65534:65534:nobody:/nonexistent:/bin/sh' >> etc/passwd
    printf 'root:x:0:\nnogroup:x:65534:\n' > etc/group
  )
}

pack() { # ROOT ARCHIVE [FILES]
  # The same packages make the same bytes, so that a push finds its layers there already.
  tar -C "$1" --sort=name --mtime='2026-01-01 00:00Z' --owner=0 --group=0 --numeric-owner --no-recursion \
    --null --files-from="$3" -cf "$2"
}

list() { # ROOT
  (cd "$1" && find . -mindepth 1 -printf '%P\0' | sort -z)
}

base_packages=base-files,dash,libpython3-stdlib,python3-minimal,python3-redis
extract "$scratch/base" "$base_packages" &
extract "$scratch/redis" "$base_packages,redis-server"
wait $!
list "$scratch/base" > "$scratch/base.list"
list "$scratch/redis" > "$scratch/redis.list"
comm -z -13 "$scratch/base.list" "$scratch/redis.list" > "$scratch/added.list"
pack "$scratch/redis" "$directory/redis.tar" "$scratch/added.list"

# Compiled once here what the services import, instead of in every container and at every health check.
SOURCE_DATE_EPOCH=1767225600 chroot "$scratch/base" /usr/bin/python3 -IB -c '
import compileall, sys
import http.client, http.server, json, redis, signal, threading, urllib.request, uuid
for module in list(sys.modules.values()):
    if (getattr(module, "__file__", None) or "").endswith(".py"):
        compileall.compile_file(module.__file__, quiet=2)
'
list "$scratch/base" > "$scratch/base.list"
pack "$scratch/base" "$directory/base.tar" "$scratch/base.list"
echo "$recipe" > "$directory/recipe"
