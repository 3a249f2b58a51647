#!/bin/sh
# Starts the command sednabox with the system's Python; works from any root that the package was unpacked in.
here=$(dirname "$(readlink -f "$0")")
exec "${SEDNABOX_PYTHON:-/usr/bin/python3}" "${here%/usr/bin}/opt/modelbox/application/sednabox/bin/sednabox" "$@"
