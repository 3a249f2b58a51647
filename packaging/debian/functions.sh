# Shared by all maintainer scripts. DPKG_ROOT is where the package is installed when the scripts run outside it.
ROOT="${DPKG_ROOT:-}"

say() { echo "sednabox: $*" >&2; }

system_runs() { [ -z "$ROOT" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; }

reload_systemd() {
    if system_runs; then
        systemctl daemon-reload || true
    fi
}
