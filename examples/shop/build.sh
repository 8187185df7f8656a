#!/bin/sh
# Builds the shop's container images from Debian packages alone, and pushes them if asked.
set -eu

usage() {
  cat >&2 <<EOF
usage: build.sh [--push] VERSION...

Builds \$REGISTRY/shop/gate:VERSION and \$REGISTRY/shop/storage:VERSION for each VERSION, and \$REGISTRY/shop/redis:8.
Version 2 of gate has an offer in its answers. Version 3 is broken: it ends at its start with exit code 3.

  REGISTRY    host (and path) of the registry; docker must be logged in there to push. Default: localhost
  SHOP_CACHE  directory of the base file systems, made at the first run. Default: .cache/shop of the project
  SHOP_BASE   build on this image instead, which must have python3 and its redis client;
              redis is left out then
  DEBIAN_MIRROR
              where /debian and /debian-security are. Default: where this machine's apt gets them from
EOF
  exit 2
}

push=
[ "${1:-}" != --push ] || { push=yes; shift; }
[ $# -gt 0 ] || usage
for version; do
  case $version in -* | '') usage ;; esac
done

cd "$(dirname "$0")"
registry=${REGISTRY:-localhost}
cache=${SHOP_CACHE:-../../.cache/shop}
# The classic builder: it needs neither buildx nor an image from anywhere.
export DOCKER_BUILDKIT="${DOCKER_BUILDKIT:-0}"

image() { # REPOSITORY:TAG ARGUMENTS-OF-BUILD...
  image=$registry/shop/$1
  shift
  output=$(docker build --quiet --tag "$image" "$@" 2>&1) || { echo "$output" >&2; exit 1; }
  echo "built $image"
  [ -z "$push" ] || docker push --quiet "$image"
}

base=${SHOP_BASE:-}
if [ -z "$base" ]; then
  ./base.sh "$cache"
  base=shop/base:$(cat "$cache/recipe")
  docker image inspect "$base" > /dev/null 2>&1 || docker import "$cache/base.tar" "$base" > /dev/null
  image redis:8 --build-arg "BASE=$base" --file - "$cache" < Dockerfile.redis
fi
for version; do
  broken=
  [ "$version" != 3 ] || broken="the price list /app/prices.json is missing"
  image "storage:$version" --build-arg "BASE=$base" --build-arg SERVICE=storage --build-arg "VERSION=$version" .
  image "gate:$version" --build-arg "BASE=$base" --build-arg SERVICE=gate --build-arg "VERSION=$version" \
    --build-arg "BROKEN=$broken" .
done
