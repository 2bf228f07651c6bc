#!/bin/sh
# Rewrites every lock file: lock.sh UV. Universal (all platforms, Python 3.11 to 3.13), one version of each
# package everywhere, with hashes. Versions stay where they fit, unless UPGRADE is set; the test tools and the extras are held to the versions of what computes.
set -eu
uv=$1
folder=requirements
compile() {
    "$uv" pip compile --quiet --universal --generate-hashes --fork-strategy fewest --python-version 3.11 \
        ${UPGRADE:+--upgrade} --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --output-file requirements.lock
for extra in dev ann app benchmarks excel gpu jax mlflow spark; do
    compile pyproject.toml --extra "$extra" --constraints requirements.lock --output-file "$folder/$extra.lock"
done
echo "uv" | compile - --output-file "$folder/bootstrap.lock"
