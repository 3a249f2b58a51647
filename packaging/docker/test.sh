#!/bin/sh
# Builds the edge image and uses it as a cluster would: without root, network and a writable root file system.
#   packaging/docker/test.sh            ENGINE=podman, or a command with options of its own (default: docker);
#                                       BUILD and RUN hold more options for its build and run
set -eu
cd "$(dirname "$0")/../.."
engine=${ENGINE:-docker}
image=sednabox-edge:test
name=sednabox-test-$$
out=$(mktemp -d)
chmod 0777 "$out"
fail() { echo "image test: $*" >&2; exit 1; }
finish() { $engine rm -f "$name" >/dev/null 2>&1 || true; rm -rf "$out"; }
trap finish EXIT
in_image() {
    $engine run --rm ${RUN:-} --network none --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
        -v "$out:/var/lib/sednabox" "$@"
}

echo "== build"
$engine build ${BUILD:-} -q -f packaging/docker/Dockerfile.edge -t "$image" .

echo "== who and where"
[ "$(in_image --entrypoint id "$image" -u)" = 10001 ] || fail "it does not run as user 10001"
in_image --entrypoint touch "$image" /opt/sednabox/x 2>/dev/null && fail "its root file system can be written"
in_image "$image" --version

echo "== a graph"
in_image "$image" run helmet_detect --quiet --set results.target=/var/lib/sednabox/seen.jsonl \
    --set record.target=/var/lib/sednabox/seen.mp4
[ -s "$out/seen.mp4" ] || fail "no video was written"
frames=$(grep -c '"detections"' "$out/seen.jsonl") || fail "no results were written"
echo "$frames frames"

echo "== a server that is stopped"
$engine run -d --name "$name" ${RUN:-} --network none --read-only --tmpfs /tmp -v "$out:/var/lib/sednabox" "$image" \
    cloud --store /var/lib/sednabox/examples --port 8480 --no-token >/dev/null
ask="import urllib.request as u; print(u.urlopen('http://127.0.0.1:8480/healthz', timeout=2).status)"
tries=0
until [ "$($engine exec "$name" python -c "$ask" 2>/dev/null)" = 200 ]; do
    tries=$((tries + 1))
    [ $tries -lt 30 ] || { $engine logs "$name"; fail "the receiver does not answer"; }
    sleep 1
done
$engine stop -t 20 "$name" >/dev/null
code=$($engine wait "$name")
[ "$code" = 0 ] || fail "the receiver ended with $code on SIGTERM"
echo "image test: passed"
