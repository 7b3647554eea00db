#!/usr/bin/env bash
# Prints the Java class path of the Apache Kafka pinned in pom.xml, and fetches its jars the first time.
#
#   classpath.sh            prints the class path on stdout; everything else goes to stderr
#
# The jars are kept in ${SHOAL_CACHE:-$HOME/.cache/shoal}/kafka-<version>; nothing is fetched again until pom.xml changes.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
pom=$here/pom.xml
cache=${SHOAL_CACHE:-${HOME:?set HOME or SHOAL_CACHE, to say where the jars of Kafka are kept}/.cache/shoal}

fail() {
  printf 'classpath.sh: %s\n' "$1" >&2
  exit 1
}

version=$(sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' "$pom")
[ -n "$version" ] || fail "no <kafka.version> in $pom"
jars=$cache/kafka-$version

resolved() {
  cmp -s "$pom" "$jars/pom.xml"
}

if ! resolved; then
  command -v java >/dev/null || fail 'java is not on PATH; install Java 17 or newer'
  command -v mvn >/dev/null || fail 'mvn is not on PATH; install Apache Maven to fetch Apache Kafka'
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/.kafka-$version.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  printf 'classpath.sh: fetching Apache Kafka %s into %s\n' "$version" "$jars" >&2
  mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$work/new" >&2 || fail "mvn could not fetch Apache Kafka $version"
  cp "$pom" "$work/new/pom.xml"
  # Somebody else may be doing the same now: whoever renames first wins, and the jars are the same.
  if [ -e "$jars" ] && ! resolved; then
    mv "$jars" "$work/old" 2>/dev/null || true
  fi
  [ -e "$jars" ] || mv "$work/new" "$jars" || true
  resolved || fail "cannot write $jars"
fi

printf '%s/*\n' "$jars"
