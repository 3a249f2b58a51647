"""Building the packages, and looking into them without dpkg."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOME = "opt/modelbox/application/sednabox"
EPOCH = "1700000000"


def tool(name):
    """A program of this environment, as `make package` takes it, else the system's."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


def build(folder, source=REPOSITORY, *options, tool=tool):
    """Configure, build and pack; the folder with the packages."""
    environment = dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, PYTHONDONTWRITEBYTECODE="1")
    for command in ([tool("cmake"), "-S", str(source), "-B", str(folder), "-DPython3_EXECUTABLE=" + sys.executable,
                     *options],
                    [tool("cmake"), "--build", str(folder)],
                    [tool("cpack"), "-G", "TGZ;DEB", "--config", str(folder / "CPackConfig.cmake"), "-B", str(folder)]):
        done = subprocess.run(command, cwd=str(folder.parent), env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=100)
        assert done.returncode == 0, "%s\n%s" % (" ".join(command), done.stdout[-4000:])
    return folder


def ar_members(path):
    """The members of a deb; so that no test needs dpkg."""
    data = Path(path).read_bytes()
    assert data.startswith(b"!<arch>\n")
    members, at = {}, 8
    while at + 60 <= len(data):
        name = data[at:at + 16].decode().strip().rstrip("/")
        size = int(data[at + 48:at + 58])
        members[name] = data[at + 60:at + 60 + size]
        at += 60 + size + size % 2
    return members
