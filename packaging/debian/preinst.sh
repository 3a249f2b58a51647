case "$1" in
    install|upgrade) check_python ;;
esac
