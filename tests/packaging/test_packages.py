"""What the packages hold, and that what they install runs."""
import hashlib
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile

import pytest
from built import EPOCH, HOME, REPOSITORY, ar_members, build, tool


def control(deb):
    """Names and texts of a deb's control files."""
    data = next(data for name, data in ar_members(deb).items() if name.startswith("control.tar"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {member.name.lstrip("./"): (archive.extractfile(member).read().decode(), member.mode)
                for member in archive.getmembers() if member.isfile()}


def entries(deb):
    data = next(data for name, data in ar_members(deb).items() if name.startswith("data.tar"))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


def test_three_packages_and_an_archive(packages):
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"', text, re.M).group(1)
    names = {path.name for path in packages.glob("*.deb")}
    assert names == {"%s_%s_all.deb" % (name, version)
                     for name in ("sednabox", "sednabox-models", "sednabox-local-controller")}
    assert [path.name for path in packages.glob("*.tar.gz")] == ["sednabox-%s-Linux.tar.gz" % version]


def test_every_unit_graph_model_and_job_is_in(root):
    units = {path.parent.name for path in (REPOSITORY / "flowunits").glob("*/CMakeLists.txt")}
    assert {path.name for path in (root / HOME / "flowunit").iterdir()} == units
    for unit in units:
        names = {path.name for path in (REPOSITORY / "flowunits" / unit).iterdir() if path.suffix in (".py", ".toml")}
        assert {path.name for path in (root / HOME / "flowunit" / unit).iterdir()} == names
    for ours, theirs in (("graphs", "graph"), ("models", "models"), ("jobs", "jobs")):
        def listed(folder):
            return {str(path.relative_to(folder)) for path in folder.rglob("*")
                    if path.is_file() and path.suffix != ".pyc"}
        assert listed(root / HOME / theirs) == listed(REPOSITORY / ours)


def test_packages_carry_their_data_files(root):
    for package in ("pocketbox", "edgevision", "sedna_bridge", "sednabox"):
        kept = {path.relative_to(REPOSITORY) for path in (REPOSITORY / package).rglob("*")
                if path.is_file() and path.suffix != ".pyc" and "__pycache__" not in path.parts}
        there = {path.relative_to(root / HOME / "python") for path in (root / HOME / "python" / package).rglob("*")
                 if path.is_file()}
        assert kept == there
    assert (root / HOME / "python/pocketbox/check/codes.toml").exists()


def test_modes_and_owners(packages):
    for deb in packages.glob("*.deb"):
        for member in entries(deb):
            assert (member.uid, member.gid) == (0, 0), member.name
            assert member.issym() or not member.mode & 0o6022, member.name
            assert member.issym() or member.mtime == int(EPOCH), member.name
            if member.isdir():
                wanted = 0o700 if member.name.endswith("sednabox/credentials") else 0o755
                assert stat.S_IMODE(member.mode) == wanted, member.name
            assert "__pycache__" not in member.name and not member.name.endswith(".pyc")


def test_the_installation_opens_as_a_project(root):
    assert (root / HOME / "CMakeLists.txt").is_file()
    assert (root / HOME / "src/graph/helmet_detect.toml").is_file()
    assert (root / HOME / "src/flowunit/helmet_detect/helmet_detect.toml").is_file()


def test_every_graph_names_the_installed_folder_of_units(root):
    graphs = list((root / HOME / "graph").glob("*.toml"))
    assert graphs
    for graph in graphs:
        assert '"/%s/flowunit"' % HOME in graph.read_text(encoding="utf-8"), graph.name


def test_the_configuration_is_a_conffile_and_scripts_can_run(packages):
    core = control(next(packages.glob("sednabox_*.deb")))
    assert core["conffiles"][0] == "/etc/sednabox/sednabox.toml\n"
    for name in ("preinst", "postinst", "prerm", "postrm"):
        text, mode = core[name]
        assert mode == 0o755
        assert subprocess.run(["sh", "-n"], input=text, text=True).returncode == 0
    fields = core["control"][0]
    for need in ("python3 (>= 3.8~)", "python3-numpy", "python3-onnxruntime"):
        assert need in fields


def refused(packages, tmp_path, python, **changes):
    """Output of the core's preinst before an installation, on a box whose /usr/bin/python3 is `python`."""
    text = control(next(packages.glob("sednabox_*.deb")))["preinst"][0].replace("/usr/bin/python3", str(python))
    for name, value in changes.items():
        text = text.replace('%s=""' % name, '%s="%s"' % (name, value))
    script = tmp_path / "preinst"
    script.write_text(text, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "DPKG_ROOT"}
    done = subprocess.run(["sh", str(script), "install"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment)
    return done.returncode, done.stdout


def test_a_box_with_an_old_python_or_none_is_refused_before_unpacking(packages, tmp_path):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.7;; *) exit 1;; esac\n', encoding="utf-8")
    old.chmod(0o755)
    code, output = refused(packages, tmp_path, old)
    assert code == 1 and "Python 3.8 or newer is needed" in output and "3.7" in output
    code, output = refused(packages, tmp_path, tmp_path / "nothing")
    assert code == 1 and "install Python 3.8" in output
    code, output = refused(packages, tmp_path, sys.executable, BUNDLE="3.99")
    assert code == 1 and "libraries for Python 3.99" in output and "nothing was installed" in output
    assert refused(packages, tmp_path, sys.executable) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", ["sednabox.service", "sednabox-controller.service"])
def test_services_are_hardened(unit):
    path = REPOSITORY / "packaging/systemd" / unit
    help_text = subprocess.run(["systemd-analyze", "--help"], stdout=subprocess.PIPE, text=True).stdout
    if "--offline" not in help_text:
        pytest.skip("this systemd-analyze cannot look at files (systemd 250 can)")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_no_path_of_the_build_machine_is_inside(packages, root):
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert str(REPOSITORY).encode() not in path.read_bytes(), path
    for deb in packages.glob("*.deb"):
        for text, _ in control(deb).values():
            assert str(REPOSITORY) not in text


def test_installed_graph_runs_with_the_command(installed, root, tmp_path):
    code, output = installed("sednabox", "run", "--engine", "pocketbox", root / HOME / "graph/helmet_detect.toml")
    assert code == 0, output
    assert len((tmp_path / "helmet_detect.jsonl").read_text(encoding="utf-8").splitlines()) > 100
    assert (tmp_path / "helmet_detect.mp4").stat().st_size > 10_000


def test_installed_graph_runs_with_modelbox_tool(installed, root, tmp_path):
    code, output = installed("sednabox-modelbox-tool", "flow", "-run", root / HOME / "graph/helmet_detect.toml")
    assert code == 0, output
    assert (tmp_path / "helmet_detect.jsonl").stat().st_size > 1000


def test_installed_commands_know_their_version_and_jobs(installed, root):
    code, output = installed("sednabox", "--version")
    assert code == 0 and re.fullmatch(r"sednabox \d+\.\d+\.\d+\n", output)
    code, output = installed("sednabox", "job", "check", "-f", root / HOME / "jobs/helmet-incremental.yaml")
    assert code == 0, output


def test_a_python_that_lacks_a_library_is_told_without_a_traceback(installed, root):
    blocked = root.parent / "blocked"
    blocked.mkdir(exist_ok=True)
    (blocked / "sitecustomize.py").write_text(
        "import sys\nsys.modules['tomlkit'] = None\n", encoding="utf-8")
    code, output = installed("sednabox", "check", root / HOME / "graph/helmet_detect.toml",
                             env={"PYTHONPATH": str(blocked)})
    assert code != 0
    assert "Traceback" not in output
    assert "tomlkit" in output


def test_a_bundle_for_another_python_is_refused(root, tmp_path):
    copy = tmp_path / "root"
    shutil.copytree(root, copy, symlinks=True)
    bundled = copy / HOME / "python/bundled"
    bundled.mkdir()
    (bundled / "TARGET").write_text("3.99 amd64\n", encoding="utf-8")
    done = subprocess.run([str(copy / "usr/bin/sednabox"), "--version"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=dict(os.environ, SEDNABOX_PYTHON=sys.executable))
    assert done.returncode == 1
    assert "libraries for Python 3.99" in done.stdout


def test_builds_inside_the_sources_are_refused(cmake, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("CMakeLists.txt", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, source / name)
    done = subprocess.run([tool("cmake"), "-S", str(source), "-B", str(source)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode != 0
    assert "not built inside its sources" in done.stdout


def test_one_unit_installs_alone_with_modelbox_layout(cmake, tmp_path):
    done = subprocess.run([tool("cmake"), "-S", str(REPOSITORY / "flowunits/alarm"), "-B", str(tmp_path / "b"),
                           "-DAPPLICATION_DIR=%s/app" % tmp_path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "Warning" not in done.stdout, done.stdout
    subprocess.run([tool("cmake"), "--install", str(tmp_path / "b")], check=True, stdout=subprocess.PIPE)
    assert {path.name for path in (tmp_path / "app/flowunit/alarm").iterdir()} == {"alarm.py", "alarm.toml"}


@pytest.mark.slow
def test_same_input_gives_the_same_bytes(packages, tmp_path):
    """Also from other sources' paths, with another umask and other file times."""
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("CMakeLists.txt", "pyproject.toml", "LICENSE", "packaging", "flowunits", "graphs", "models", "jobs",
                 "pocketbox", "edgevision", "sedna_bridge", "sednabox"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, copy_function=shutil.copy)
        else:
            shutil.copy(source, copy / name)
    old = os.umask(0o077)
    try:
        again = build(tmp_path / "build", copy)
    finally:
        os.umask(old)
    for path in sorted([*packages.glob("*.deb"), *packages.glob("*.tar.gz")]):
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_the_system_s_cmake_packs_the_same_files(packages, tmp_path):
    """Debian's CMake is years older than the one from the package index."""
    if shutil.which("cmake") in (None, tool("cmake")):
        pytest.skip("there is no second CMake here")
    again = build(tmp_path / "build", tool=shutil.which)
    debs = sorted(path.name for path in packages.glob("*.deb"))
    assert debs == sorted(path.name for path in again.glob("*.deb")) and len(debs) == 3
    for name in debs:
        first, second = ar_members(packages / name), ar_members(again / name)
        assert first["data.tar.gz"] == second["data.tar.gz"], name


def test_bill_of_materials(root):
    bill = json.loads((root / "usr/share/doc/sednabox/sednabox.cdx.json").read_text(encoding="utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    libraries = {part["name"] for part in bill["components"] if part["type"] == "library"}
    assert {"numpy", "onnxruntime", "opencv-python-headless", "tomlkit"} <= libraries
    references = [part["bom-ref"] for part in bill["components"]]
    assert len(references) == len(set(references))
    assert set(bill["dependencies"][0]["dependsOn"]) <= set(references)
    files = {part["name"]: part["hashes"][0]["content"] for part in bill["components"] if part["type"] == "file"}
    assert len(files) > 300
    for name, digest in files.items():
        assert hashlib.sha256((root / name).read_bytes()).hexdigest() == digest, name

