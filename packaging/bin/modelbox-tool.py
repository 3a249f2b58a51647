#!/usr/bin/python3
"""Starts modelbox-tool with the packages beside it (sednabox, pocketbox ...), for itself and for the workers that it starts."""
import os
import sys

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = [os.path.join(HOME, "python"), os.path.join(HOME, "python", "bundled")]

if sys.version_info < (3, 8):
    sys.exit("modelbox-tool: Python 3.8 or newer is needed, this is %s; name another with SEDNABOX_PYTHON" % sys.version.split()[0])
TARGET = os.path.join(FOLDERS[1], "TARGET")
if os.path.exists(TARGET):
    with open(TARGET, encoding="utf-8") as file:
        wanted = file.read().split()[0]
    if wanted != "%d.%d" % sys.version_info[:2]:
        sys.exit("modelbox-tool: this package carries libraries for Python %s, but this is Python %d.%d; install the package for "
                 "it, or name a Python %s with SEDNABOX_PYTHON" % (wanted, sys.version_info[0], sys.version_info[1], wanted))
sys.path[0:1] = FOLDERS
others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path not in FOLDERS]
os.environ["PYTHONPATH"] = os.pathsep.join(FOLDERS + others)

try:
    from pocketbox.tool.__main__ import main
    code = main()
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] in ("pocketbox", "edgevision", "sedna_bridge", "sednabox"):
        raise
    sys.exit("modelbox-tool: the Python library '%s' is missing; install it (docs/install.md lists the packages), or install the "
             "package that carries its libraries" % error.name)
sys.exit(code)
