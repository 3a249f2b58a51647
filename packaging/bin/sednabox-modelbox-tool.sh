#!/bin/sh
# The embedded engine's modelbox-tool (pocketbox); hands over to the real one where ModelBox is installed.
here=$(dirname "$(readlink -f "$0")")
exec "${SEDNABOX_PYTHON:-/usr/bin/python3}" "${here%/usr/bin}/opt/modelbox/application/sednabox/bin/modelbox-tool" "$@"
