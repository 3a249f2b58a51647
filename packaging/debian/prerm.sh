case "$1" in
    remove|deconfigure) before_removal ;;
    upgrade) remove_bytecode ;;
esac
