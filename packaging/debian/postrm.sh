case "$1" in
    remove)
        reload_systemd
        [ ! -d "$STATE" ] || say "the state in /var/lib/sednabox is kept; apt purge sednabox removes it"
        ;;
    purge)
        rm -rf "$STATE" "$ROOT/etc/sednabox"
        reload_systemd
        ;;
esac
