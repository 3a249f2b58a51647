#!/usr/bin/env bash
# Installs, runs, upgrades and removes the packages in an empty root, as dpkg (and rpm, where it is) does it on a box.
# The maintainer scripts run with DPKG_ROOT, outside the root: no chroot, so no right of root is needed beyond files.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=${DIST_DIR:-dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-$PWD/.venv/bin/python}
root=$work/root
app=$root/opt/modelbox/application/sednabox

step() { echo "== $*"; }
fail() { echo "package-test: $*" >&2; exit 1; }

shopt -s nullglob
debs=("$dist"/sednabox*_all.deb)
[ ${#debs[@]} -eq 3 ] || fail "expected three debs in $dist, found ${#debs[@]}; run packaging/build.sh"

try_graph() {
    rm -rf "$work/run" && mkdir "$work/run"
    (cd "$work/run" && env -u PYTHONPATH SEDNABOX_PYTHON="$python" POCKETBOX_ONLY=1 \
        "$root/usr/bin/sednabox-modelbox-tool" flow -run "$app/graph/helmet_detect.toml")
    [ -s "$work/run/helmet_detect.jsonl" ] && [ -s "$work/run/helmet_detect.mp4" ] || fail "the graph left no results"
}

try_service() {
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    sed -e 's/^graph = .*/graph = "helmet_cameras"/' -e "s/^port = .*/port = $port/" \
        "$root/etc/sednabox/sednabox.toml" > "$work/service.toml"
    {
        sed '/^\[set\]/,$d' "$work/service.toml"
        printf '[set]\n"cameras.source" = "%s"\n"cameras.camera" = "gate"\n' "$app/graph/media/site.mp4"
        sed -n '/^\[environment\]/,$p' "$work/service.toml"
    } > "$work/sednabox.toml"
    sed -i "s#^graph = .*#graph = \"$app/graph/helmet_cameras.toml\"#" "$work/sednabox.toml"
    (cd "$work" && env -u PYTHONPATH SEDNABOX_PYTHON="$python" SEDNABOX_STATE="$root/var/lib/sednabox" \
        "$root/usr/bin/sednabox" check --config "$work/sednabox.toml")
    (cd "$work" && exec env -u PYTHONPATH SEDNABOX_PYTHON="$python" SEDNABOX_STATE="$root/var/lib/sednabox" \
        "$root/usr/bin/sednabox" service --config "$work/sednabox.toml") &
    service=$!
    for _ in $(seq 100); do
        if "$python" - "$port" <<'PYTHON' 2>/dev/null
import re, sys, urllib.request
text = urllib.request.urlopen("http://127.0.0.1:%s/metrics" % sys.argv[1], timeout=2).read().decode()
sys.exit(not re.search(r'sednabox_frames_total\{node="detect"[^}]*\} [1-9]', text))
PYTHON
        then
            kill -TERM "$service"
            wait "$service" || fail "the service ended with code $?"
            return
        fi
        sleep 0.2
    done
    kill -KILL "$service"
    fail "the service showed no frames within 20 s"
}

if command -v dpkg >/dev/null; then
    as_dpkg() {
        dpkg --root="$root" --force-script-chrootless --force-depends --force-not-root --force-confdef \
            --force-confold --log="$work/dpkg.log" "$@" 2>&1 | grep -v 'dependency problems\|depends on\|is not installed\|^$' || true
        [ "${PIPESTATUS[0]}" = 0 ] || fail "dpkg $* failed"
    }
    status() { dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${db:Status-Status}' "$1" 2>/dev/null || true; }
    mkdir -p "$root/var/lib/dpkg/"{info,updates,triggers}
    touch "$root/var/lib/dpkg/"{status,available}

    step "install"
    as_dpkg -i "${debs[@]}"
    [ "$(status sednabox)" = installed ] || fail "sednabox is '$(status sednabox)' after the installation"
    [ -d "$root/var/lib/sednabox" ] || fail "there is no state directory"
    step "install again"
    as_dpkg -i "${debs[@]}"

    step "modelbox-tool flow -run, installed graph"
    try_graph
    step "the service's own start command"
    try_service

    step "upgrade over an edited configuration"
    echo "# mine" >> "$root/etc/sednabox/sednabox.toml"
    echo kept > "$root/var/lib/sednabox/mark"
    echo secret > "$root/etc/sednabox/credentials/gate"
    mkdir "$work/newer"
    for deb in "${debs[@]}"; do
        dpkg-deb -R "$deb" "$work/newer/tree"
        sed -i -e 's/^Version: \(.*\)/Version: \1+next/' -e 's/\(sednabox (= [^)]*\))/\1+next)/' "$work/newer/tree/DEBIAN/control"
        [ ! -e "$work/newer/tree/etc/sednabox/sednabox.toml" ] || \
            echo "# of the new version" >> "$work/newer/tree/etc/sednabox/sednabox.toml"
        dpkg-deb --root-owner-group -b "$work/newer/tree" "$work/newer/$(basename "$deb")" >/dev/null
        rm -rf "$work/newer/tree"
    done
    as_dpkg -i "$work"/newer/*.deb
    grep -q '# mine' "$root/etc/sednabox/sednabox.toml" || fail "the upgrade took the edited configuration away"
    [ "$(cat "$root/var/lib/sednabox/mark")" = kept ] || fail "the upgrade took the state away"
    try_graph

    step "remove keeps configuration and state"
    as_dpkg -r sednabox-local-controller sednabox-models sednabox
    [ ! -e "$app/python" ] || fail "the removal left $app/python"
    grep -q '# mine' "$root/etc/sednabox/sednabox.toml" || fail "the removal took the configuration away"
    [ "$(cat "$root/var/lib/sednabox/mark")" = kept ] || fail "the removal took the state away"

    step "purge"
    as_dpkg -P sednabox sednabox-local-controller sednabox-models
    [ ! -e "$root/var/lib/sednabox" ] && [ ! -e "$root/etc/sednabox" ] || fail "the purge left state or configuration"
    [ -z "$(find "$root/opt" "$root/usr" -name '*sednabox*' 2>/dev/null)" ] || fail "the purge left files"
else
    echo "dpkg is not installed: the debs were not installed" >&2
fi

rpms=("$dist"/sednabox*.rpm)
if command -v rpm >/dev/null && [ ${#rpms[@]} -gt 0 ]; then
    root=$work/rpm-root
    app=$root/opt/modelbox/application/sednabox
    mkdir -p "$root"
    step "rpm: install, run, erase"
    rpm --root "$root" --dbpath /var/lib/rpm --nodeps --noscripts --ignorearch -i "${rpms[@]}"
    try_graph
    rpm --root "$root" --dbpath /var/lib/rpm --nodeps --noscripts -e sednabox-local-controller sednabox-models sednabox
    [ ! -e "$app/python" ] || fail "rpm left $app/python"
else
    echo "rpm was not tested: there is no rpm, or no rpm package" >&2
fi

for checker in lintian rpmlint; do
    files=("${debs[@]}")
    [ $checker = lintian ] || files=("${rpms[@]}")
    if command -v $checker >/dev/null && [ ${#files[@]} -gt 0 ]; then
        step "$checker"
        case $checker in
            lintian) lintian --fail-on error "${files[@]}" ;;
            rpmlint) rpmlint --rpmlintrc packaging/rpm/rpmlintrc "${files[@]}" ;;
        esac
    else
        echo "$checker is not installed, or has nothing to look at" >&2
    fi
done

if command -v systemd-analyze >/dev/null; then
    step "hardening"
    for unit in packaging/systemd/*.service; do
        systemd-analyze security --offline=true --threshold=25 "$unit" | tail -1
    done
fi
echo "package-test: passed"
