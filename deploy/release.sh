#!/bin/sh
# Builds a release from its tag into build/release/TAG: wheel, SBOM, documents, image, and what each of them hashes to. What
# is built is the tag's commit and nothing of the working tree; every file has the commit's time, so that whoever builds it
# again gets the same bytes (the image: the same contents). Called by `make release TAG=v0.2.0`.
set -eu
cd "$(dirname "$0")/.."
tag=${1:?name the tag, for instance v0.2.0}
bin=$PWD/.venv/bin
out=$PWD/build/release/$tag

git rev-parse --quiet --verify "refs/tags/$tag" >/dev/null || { echo "There is no tag $tag: git tag $tag" >&2; exit 2; }
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git archive "$tag" | tar -x -C "$source"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/pyproject.toml")
[ "v$version" = "$tag" ] || { echo "pyproject.toml of $tag says $version" >&2; exit 2; }
grep -q "^## $version" "$source/CHANGELOG.md" || { echo "CHANGELOG.md of $tag has no heading for $version" >&2; exit 2; }

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$tag")
export SOURCE_DATE_EPOCH
rm -rf "$out"
mkdir -p "$out"
packed() { tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -C "$1" -c . | gzip -n; }

(
  umask 022
  cd "$source"
  find . -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
  "$bin/pip" wheel --quiet --no-deps --no-build-isolation --no-index --wheel-dir "$out" .
  PYTHONPATH=$source "$bin/python" -m tests.documentation.site >/dev/null
  packed build/site >"$out/rebalancer-$version-docs.tar.gz"
  "$bin/../audit/bin/cyclonedx-py" requirements requirements.txt --pyproject pyproject.toml --output-reproducible \
    --output-format JSON --output-file "$out/rebalancer-$version-sbom.json"
)
if docker version >/dev/null 2>&1; then
  # shellcheck disable=SC2086 # BUILD holds several options
  docker build --quiet ${BUILD:-} --build-arg SOURCE_DATE_EPOCH --tag "rebalancer:$version" "$source"
else
  echo "No Docker engine answers: the image rebalancer:$version was not built" >&2
fi
(cd "$out" && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
