#!/usr/bin/env bash
# The tests of all that can be loaded into ModelBox's interpreter, on Python 3.8. Says so and ends well where there is none.
# PYTHON38 names the interpreter; else python3.8 is looked for, also among those of pyenv. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${VENV38:-.venv38}"

found() { "$@" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 8))' 2>/dev/null; }

python=()
if [ -n "${PYTHON38:-}" ]; then
    python=("$PYTHON38")
    found "${python[@]}" || { echo "PYTHON38=$PYTHON38 is no Python 3.8" >&2; exit 1; }
elif found python3.8; then
    python=(python3.8)
elif command -v pyenv >/dev/null; then
    version="$(pyenv versions --bare 2>/dev/null | grep -E '^3\.8\.' | tail -n 1 || true)"
    if [ -n "$version" ] && found env "PYENV_VERSION=$version" python3.8; then
        python=(env "PYENV_VERSION=$version" python3.8)
    fi
fi
if [ "${#python[@]}" -eq 0 ]; then
    echo "There is no Python 3.8 here: the tests on it are left out (PYTHON38=... names one)."
    exit 0
fi
if [ ! -e "$venv/.ready" ] || [ pyproject.toml -nt "$venv/.ready" ]; then
    "${python[@]}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[s3,mqtt,sign,test]'
    touch "$venv/.ready"
fi
exec "$venv/bin/python" -m pytest "$@" tests/pocketbox tests/flowunits tests/edgevision tests/sedna_bridge
