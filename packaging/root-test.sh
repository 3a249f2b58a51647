#!/usr/bin/env bash
# Installs the bundle into real Debian roots (debootstrap), with its scripts run inside, as on a box without network:
# install, run a graph, run the service as its user, install again, full disk, remove, purge; then the rpms likewise.
# Needs root, debootstrap and a Debian mirror. SUITE=bookworm has Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."

SUITE=${SUITE:-bookworm}
BUNDLE=${BUNDLE:-3.11}
roots=${ROOTS_DIR:-$PWD/build/roots}
dist=${DIST_DIR:-$PWD/dist/bundle-$BUNDLE}
root=$roots/test
app=/opt/modelbox/application/sednabox

step() { echo "== $*"; }
fail() { echo "root-test: $*" >&2; exit 1; }
inside() { chroot "$root" sh -ec "$1"; }
close() {
    umount "$root/opt" 2>/dev/null || true
    umount "$root/proc" 2>/dev/null || true
    rm -rf "$root"
}
fresh() {
    close
    cp -a "$roots/base" "$root"
    mount --bind /proc "$root/proc"
}

[ "$(id -u)" = 0 ] || fail "it needs root: sudo make package-root-test"
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt install debootstrap"
if [ ! -d "$roots/base" ]; then
    mkdir -p "$roots"
    debootstrap --variant=minbase --include=python3,ca-certificates "$SUITE" "$roots/base.part" >/dev/null
    mv "$roots/base.part" "$roots/base"
fi
ls "$dist"/sednabox_*.deb >/dev/null 2>&1 || BUNDLE=$BUNDLE DIST_DIR=$dist packaging/build.sh
trap close EXIT

step "full disk: nothing is half installed"
fresh
mount -t tmpfs -o size=60m tmpfs "$root/opt"
cp "$dist"/sednabox_*.deb "$root/tmp"
if inside 'dpkg -i /tmp/sednabox_*.deb' 2>/dev/null; then fail "60 MB were enough for a bundle?"; fi
inside '[ -z "$(find /opt -type f)" ] && [ ! -e /usr/bin/sednabox ] && [ ! -e /etc/sednabox ] && ! getent passwd sednabox'

step "install, twice"
fresh
cp "$dist"/*.deb "$root/tmp"
inside 'dpkg -i /tmp/*.deb && dpkg -i /tmp/*.deb' >/dev/null
inside "test -z \"\$(sednabox check $app/graph/helmet_detect.toml | grep SB)\"" || fail "check warns of an installed graph"

step "a graph, by both commands and from another folder"
inside "mkdir /tmp/w && cd /tmp/w && sednabox run $app/graph/helmet_detect.toml && test -s helmet_detect.mp4"
inside "cd /tmp/w && rm * && modelbox-tool flow -run $app/graph/helmet_detect.toml && test -s helmet_detect.jsonl"

step "the service as its user"
sed -i -e 's/^graph = .*/graph = "helmet_cameras"/' -e 's/^port = .*/port = 19464/' \
    -e "s#^\[set\]#[set]\n\"cameras.source\" = \"$app/graph/media/site.mp4\"\n\"cameras.camera\" = \"gate\"\n\"cameras.loop\" = \"true\"#" "$root/etc/sednabox/sednabox.toml"
inside 'sednabox check --config /etc/sednabox/sednabox.toml'
chroot --userspec=sednabox:sednabox "$root" sh -c 'cd /var/lib/sednabox && HOME=$PWD exec sednabox service \
    --config /etc/sednabox/sednabox.toml' > "$roots/service.log" 2>&1 &
service=$!
for _ in $(seq 60); do
    [ ! -s "$root/var/lib/sednabox/helmet_cameras-gate.mp4" ] || break
    sleep 0.5
done
kill -TERM "$service"
wait "$service" || fail "the service ended with code $?: $roots/service.log"
[ -s "$root/var/lib/sednabox/helmet_cameras-gate.mp4" ] || fail "the service recorded nothing: $roots/service.log"

step "remove, purge"
inside 'dpkg -r sednabox-local-controller sednabox-models sednabox && test -d /var/lib/sednabox -a -d /etc/sednabox' >/dev/null
inside 'dpkg -P sednabox sednabox-local-controller sednabox-models; rm /tmp/*.deb' >/dev/null 2>&1
[ -z "$(inside 'find / -path /proc -prune -o -name "*sednabox*" -print')" ] || fail "the purge left files"

if command -v rpm >/dev/null && ls "$dist"/*.rpm >/dev/null 2>&1; then
    step "rpm with its scripts: install, run, erase"
    fresh
    in_root() { rpm --root "$root" --dbpath /var/lib/rpm --nodeps "$@" 2>&1; }
    in_root -i "$dist"/*.rpm
    inside "mkdir /tmp/w && cd /tmp/w && sednabox run $app/graph/helmet_detect.toml && test -s helmet_detect.mp4"
    inside 'cd / && python3 -c "import sednabox, edgevision, sedna_bridge, pocketbox"' || fail "Python does not find us"
    inside 'echo "# mine" >> /etc/sednabox/sednabox.toml; echo kept > /var/lib/sednabox/mark'
    in_root -e sednabox-local-controller sednabox-models sednabox
    inside "test ! -e $app/python -a -e /var/lib/sednabox/mark && grep -q mine /etc/sednabox/sednabox.toml.rpmsave"
fi
if command -v lintian >/dev/null; then
    step "lintian"
    lintian --fail-on error "$dist"/*.deb >/dev/null
fi
if command -v rpmlint >/dev/null && ls "$dist"/*.rpm >/dev/null 2>&1; then
    step "rpmlint"
    cat packaging/rpm/rpmlintrc packaging/rpm/bundle.rpmlintrc > "$roots/rpmlintrc"
    rpmlint --rpmlintrc "$roots/rpmlintrc" "$dist"/*.rpm | tail -1
fi
echo "root-test: passed"
