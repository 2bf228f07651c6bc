#!/bin/sh
# Puts the pinned uv into a private folder of the checkout: bootstrap.sh PYTHON FOLDER
# uv then makes .venv and installs the lock. Any pip will do for this one step.
set -eu
python=$1
folder=$2
lock="$(dirname "$0")/bootstrap.lock"

if ! "$python" --version >/dev/null 2>&1; then
    echo "foldin: no '$python' found; install Python 3.11, 3.12 or 3.13, or name yours: make PYTHON=/path/to/python3" >&2
    exit 1
fi
# An active environment may lack pip where the Python it was made of has it.
python=$("$python" -c 'import sys; print(sys._base_executable)')
if ! "$python" -m pip --version >/dev/null 2>&1; then
    # Debian ships Python without pip, and nothing else can fetch uv without naming an index here.
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "foldin: $python has no pip; installing Debian's python3-pip, once"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-pip ca-certificates >/dev/null
    fi
fi
if ! "$python" -m pip --version >/dev/null 2>&1; then
    echo "foldin: $python has no pip, which is needed once to fetch uv; on Debian: sudo apt install python3-pip" >&2
    exit 1
fi
echo "foldin: fetching uv into $folder"
rm -rf "$folder.part"
"$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --require-hashes \
    --target "$folder.part" -r "$lock"
rm -rf "$folder"
mv "$folder.part" "$folder"
touch "$folder/bin/uv"
