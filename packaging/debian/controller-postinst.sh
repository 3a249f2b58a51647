case "$1" in
    configure)
        reload_systemd
        if system_runs; then
            systemctl try-restart sednabox-controller.service || \
                say "the local controller did not start again: journalctl -u sednabox-controller tells why"
        fi
        ;;
esac
