"""The packages, built once for all tests of this folder, and unpacked in an empty root."""
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from built import ar_members, build, tool


@pytest.fixture(scope="session")
def cmake():
    if not (tool("cmake") and tool("cpack")):
        pytest.skip("cmake and cpack are not installed (pip install cmake, or apt install cmake)")


@pytest.fixture(scope="session")
def packages(cmake, tmp_path_factory):
    """The folder with sednabox*.deb and sednabox-*.tar.gz."""
    return build(tmp_path_factory.mktemp("packages") / "build")


@pytest.fixture(scope="session")
def root(packages, tmp_path_factory):
    """An empty root with the three debs unpacked in it."""
    target = tmp_path_factory.mktemp("installed") / "root"
    target.mkdir()
    for deb in packages.glob("*.deb"):
        for name, data in ar_members(deb).items():
            if name.startswith("data.tar"):
                with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                    for member in archive.getmembers():
                        archive.extract(member, str(target), set_attrs=True, numeric_owner=False,
                                        **({"filter": "fully_trusted"} if hasattr(tarfile, "data_filter") else {}))
    return target


@pytest.fixture
def installed(root, tmp_path):
    """Run a command of the installation in an empty folder: (code, output)."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "SEDNABOX_STATE")}
    environment.update(SEDNABOX_PYTHON=sys.executable, POCKETBOX_ONLY="1", SEDNABOX_STATE=str(tmp_path / "state"),
                       PYTHONDONTWRITEBYTECODE="1")

    def run(command, *arguments, env=None):
        done = subprocess.run([str(root / "usr/bin" / command), *map(str, arguments)], cwd=str(tmp_path),
                              env=dict(environment, **(env or {})), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=100)
        return done.returncode, done.stdout
    return run
