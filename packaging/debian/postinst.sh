case "$1" in
    configure) make_user; after_install ;;
esac
