# What the core package's scripts do, after functions.sh.
APP="$ROOT/opt/modelbox/application/sednabox"
BUNDLE="@BUNDLE@"
STATE="$ROOT/var/lib/sednabox"

check_python() {
    [ -z "$ROOT" ] || return 0
    if [ ! -x /usr/bin/python3 ]; then
        say "there is no /usr/bin/python3; install Python 3.8 or newer first"
        exit 1
    fi
    version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    if ! /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))'; then
        say "Python 3.8 or newer is needed, /usr/bin/python3 is $version; nothing was installed"
        exit 1
    fi
    if [ -n "$BUNDLE" ] && [ "$version" != "$BUNDLE" ]; then
        say "this package carries libraries for Python $BUNDLE, /usr/bin/python3 is $version;" \
            "install the package for $version, or the one without libraries; nothing was installed"
        exit 1
    fi
}

make_user() {
    [ -z "$ROOT" ] || return 0
    getent passwd sednabox >/dev/null 2>&1 && return 0
    shell=/usr/sbin/nologin
    [ -x "$shell" ] || shell=/bin/false
    if command -v useradd >/dev/null 2>&1; then
        useradd --system --user-group --home-dir /var/lib/sednabox --no-create-home --shell "$shell" sednabox
    else
        say "the user sednabox could not be made (there is no useradd); the service needs it, the command does not"
        return 0
    fi
    if getent group video >/dev/null 2>&1 && command -v usermod >/dev/null 2>&1; then
        usermod -a -G video sednabox || true
    fi
}

after_install() {
    if [ ! -d "$STATE" ]; then
        mkdir -p "$STATE"
        chmod 0750 "$STATE"
    fi
    [ -z "$ROOT" ] || return 0
    if getent passwd sednabox >/dev/null 2>&1; then
        chown sednabox:sednabox "$STATE"
    fi
    if command -v update-alternatives >/dev/null 2>&1; then
        if [ -e /usr/bin/modelbox-tool ] && [ ! -L /usr/bin/modelbox-tool ]; then
            say "modelbox-tool is ModelBox's own; the embedded engine's is sednabox-modelbox-tool"
        else
            update-alternatives --install /usr/bin/modelbox-tool modelbox-tool /usr/bin/sednabox-modelbox-tool 10 || true
        fi
    fi
    missing=$(PYTHONPATH="$APP/python:$APP/python/bundled" /usr/bin/python3 - <<'PYTHON' || true
import importlib.util
for name in ("numpy", "cv2", "onnxruntime", "av", "requests", "tomlkit", "yaml", "rich", "prometheus_client"):
    if importlib.util.find_spec(name) is None:
        print(name)
PYTHON
)
    for name in $missing; do
        case "$name" in
            av) say "PyAV is missing: video is decoded by OpenCV instead, more slowly" ;;
            onnxruntime) say "onnxruntime is missing: models cannot run; install python3-onnxruntime, or the package with -DBUNDLE_DEPENDENCIES=ON" ;;
            *) say "the Python library $name is missing; docs/install.md names the packages" ;;
        esac
    done
    reload_systemd
    if system_runs; then
        systemctl try-restart sednabox.service || say "the service did not start again: journalctl -u sednabox tells why"
    fi
}

remove_bytecode() {
    if [ -d "$APP" ]; then
        find "$APP" -depth -type d -name __pycache__ -exec rm -rf {} +
    fi
}

before_removal() {
    if system_runs; then
        systemctl disable --now sednabox.service || true
    fi
    if [ -z "$ROOT" ] && command -v update-alternatives >/dev/null 2>&1; then
        update-alternatives --remove modelbox-tool /usr/bin/sednabox-modelbox-tool || true
    fi
    remove_bytecode
}

link_python() { [ -n "$ROOT" ] || "$APP/bin/link-python" add >/dev/null; }
unlink_python() { [ -n "$ROOT" ] || "$APP/bin/link-python" remove >/dev/null || true; }
