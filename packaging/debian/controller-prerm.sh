case "$1" in
    remove|deconfigure)
        if system_runs; then
            systemctl disable --now sednabox-controller.service || true
        fi
        ;;
esac
