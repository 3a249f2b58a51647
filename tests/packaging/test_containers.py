"""Images and cluster files: entry points as processes with the environment of recorded Pods, resources that hold."""
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from edgevision.scenes.dataset import write_dataset
from edgevision.scenes.scene import Scene

REPOSITORY = Path(__file__).resolve().parents[2]
ENTRYPOINT = REPOSITORY / "packaging/docker/entrypoint.py"
PODS = json.loads((Path(__file__).parent / "pods.json").read_text(encoding="utf-8"))
DOCKERFILES = sorted(path for path in (REPOSITORY / "packaging/docker").glob("Dockerfile.*")
                     if path.suffix != ".dockerignore")


def entrypoint():
    spec = importlib.util.spec_from_file_location("sednabox_entrypoint", str(ENTRYPOINT))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("pod, worker", [("train", "train"), ("eval", "evaluate"), ("inference", "infer")])
def test_a_container_without_arguments_is_what_its_pod_says(pod, worker):
    assert entrypoint().command([], PODS[pod])[1:] == ["-m", "sedna_bridge.workers." + worker]


@pytest.mark.parametrize("arguments, wanted", [
    (["evaluate"], ["-m", "sedna_bridge.workers.evaluate"]), (["infer"], ["-m", "sedna_bridge.workers.infer"]),
    (["cloud", "--store", "x"], ["-m", "sednabox", "cloud", "--store", "x"]), ([], ["-m", "sednabox", "--help"])])
def test_arguments_choose_a_worker_or_a_command(arguments, wanted):
    assert entrypoint().command(arguments, {})[1:] == wanted


@pytest.fixture
def controller():
    """Answers workers as Sedna's LocalController does, and keeps what they report."""
    reports = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            reports.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            body = b'{"Status": 200,"Message": "OK"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield "http://127.0.0.1:%d" % server.server_address[1], reports
    server.shutdown()
    server.server_close()


def start(pod, folder, address, *arguments, **extra):
    """Run the entry point as the Pod would, with its paths below `folder`."""
    values = {key: value.replace("/home/data", str(folder)).replace("/model-hot-update", str(folder / "hot"))
              for key, value in PODS[pod].items()}
    base = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
    (folder / "state").mkdir(exist_ok=True)
    environment = {**base, **values, "HOME": str(folder / "state"), "SEDNABOX_STATE": str(folder / "state"),
                   "LC_SERVER": address, "POCKETBOX_ONLY": "1", **extra}
    return subprocess.run([sys.executable, str(ENTRYPOINT), *arguments], cwd=str(folder / "state"), env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)


def put_model(folder):
    folder.mkdir(parents=True)
    for path in (REPOSITORY / "models/little").iterdir():
        if path.is_file():
            shutil.copy(path, folder / path.name)


def test_inference_pod(tmp_path, controller):
    put_model(tmp_path / "models/deploy")
    done = start("inference", tmp_path, controller[0], HE_SAVED_URL=str(tmp_path / "he"))
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    results = (tmp_path / "state/helmet_incremental.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(results) > 50
    assert json.loads(results[0])["model"]


def test_evaluation_pod(tmp_path, controller):
    address, reports = controller
    write_dataset(tmp_path / "data/helmet", Scene(seed=5), 8)
    for place in ("output/train/1", "models/deploy"):
        put_model(tmp_path / place)
    (tmp_path / "output/data/eval/1").mkdir(parents=True)
    listed = next((tmp_path / "data/helmet").glob("*.txt"))
    shutil.copy(listed, tmp_path / "output/data/eval/1/data.txt")
    (tmp_path / "edge/onnx").mkdir(parents=True)     # the edge image has neither onnx nor torch
    (tmp_path / "edge/onnx/__init__.py").write_text("raise ImportError('no onnx here')")
    shutil.copytree(tmp_path / "edge/onnx", tmp_path / "edge/torch")
    done = start("eval", tmp_path, address, class_names="person,helmet,helmet_on,helmet_off",
                 PYTHONPATH=str(tmp_path / "edge") + os.pathsep + os.environ.get("PYTHONPATH", ""))
    assert done.returncode == 0, done.stdout
    (path, report), = reports
    assert path == "/sedna/workers/%s/info" % PODS["eval"]["WORKER_NAME"]
    assert (report["kind"], report["status"], report["ownerName"]) == ("eval", "completed", PODS["eval"]["JOB_NAME"])
    assert len(report["results"]) == 2
    assert report["results"][0]["metrics"].keys() == report["results"][1]["metrics"].keys()


@pytest.mark.parametrize("name", ["jobs/helmet-incremental.yaml", "packaging/kubernetes/job/helmet.yaml"])
def test_sedna_takes_the_resources(name):
    path = REPOSITORY / name
    done = subprocess.run([sys.executable, "-m", "sednabox", "job", "check", "-f", str(path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def documents(*names):
    return [document for name in names for document in yaml.safe_load_all(
        (REPOSITORY / "packaging/kubernetes" / name).read_text(encoding="utf-8"))]


def test_kustomizations_name_files_that_are_there():
    for path in (REPOSITORY / "packaging/kubernetes").glob("*/kustomization.yaml"):
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in [*found["resources"], *found.get("configurations", [])]:
            assert (path.parent / name).is_file(), name


def test_kustomize_puts_the_registry_into_sednas_resources(tmp_path):
    kubectl = shutil.which("kubectl")
    if kubectl is None or "ustomize" not in subprocess.run([kubectl, "version", "--client"], stdout=subprocess.PIPE,
                                                           stderr=subprocess.STDOUT, text=True).stdout:
        pytest.skip("no kubectl with kustomize on this machine")
    shutil.copytree(REPOSITORY / "packaging/kubernetes", tmp_path / "k")
    file = tmp_path / "k/job/kustomization.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    for image in settings["images"]:
        image["newName"] = "registry.example/team/" + image["name"]
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    for name, count in (("base", 1), ("job", 3)):
        done = subprocess.run([kubectl, "kustomize", str(tmp_path / "k" / name)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        made = list(yaml.safe_load_all(done.stdout))
        assert {document["metadata"].get("namespace", "sednabox") for document in made} == {"sednabox"}
        images = [one["image"] for document in made for pod in containers(document) for one in pod["containers"]]
        assert len(images) == count
        assert all(image.startswith("registry.example/team/") for image in images) == (name == "job")


def containers(value):
    if isinstance(value, dict):
        if "containers" in value:
            yield value
        for child in value.values():
            yield from containers(child)
    elif isinstance(value, list):
        for child in value:
            yield from containers(child)


def test_no_pod_has_root_or_writes_its_root_file_system():
    pods = [pod for document in documents("base/receiver.yaml", "job/helmet.yaml") for pod in containers(document)]
    assert len(pods) == 4
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] and not context["allowPrivilegeEscalation"]
            assert context["capabilities"]["drop"] == ["ALL"]
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
            assert "memory" in container["resources"]["limits"]


def test_the_receiver_is_one_story():
    by_kind = {document["kind"]: document for document in documents("base/receiver.yaml", "base/network.yaml")}
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (by_kind["Service"]["spec"]["selector"], by_kind["Deployment"]["spec"]["selector"]["matchLabels"],
                     by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]):
        assert selector.items() <= labels.items()
    port = by_kind["Service"]["spec"]["ports"][0]
    job = next(document for document in documents("job/helmet.yaml") if document["kind"] == "IncrementalLearningJob")
    environment = {entry["name"]: entry for entry in
                   job["spec"]["deploySpec"]["template"]["spec"]["containers"][0]["env"]}
    assert ":%d" % port["nodePort"] in environment["HE_SAVED_URL"]["value"]
    secret = by_kind["Deployment"]["spec"]["template"]["spec"]["volumes"][1]["secret"]["secretName"]
    assert environment["SEDNABOX_TOKEN"]["valueFrom"]["secretKeyRef"]["name"] == secret


def test_dockerfiles_copy_what_is_there_and_let_it_through():
    assert [path.name for path in DOCKERFILES] == ["Dockerfile.edge", "Dockerfile.trainer"]
    for path in DOCKERFILES:
        text = path.read_text(encoding="utf-8")
        allowed = (path.parent / (path.name + ".dockerignore")).read_text(encoding="utf-8").splitlines()
        names = [name for line in re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", text, re.M)
                 for name in line.split()]
        assert "packaging/docker/entrypoint.py" in names
        for name in names:
            assert (REPOSITORY / name).exists(), name
            assert "!" + name in allowed
        last = text.rpartition("FROM ")[2]
        assert re.search(r"^USER 10001", last, re.M)
        assert "ENTRYPOINT [" in last and "latest" not in text


def test_images_take_the_extras_that_exist():
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(re.findall(r"^(\w+) = \[", project.partition("[project.optional-dependencies]")[2], re.M))
    for path in DOCKERFILES:
        for names in re.findall(r'"\.\[([^\]]+)\]"', path.read_text(encoding="utf-8")):
            assert set(names.split(",")) <= extras


def test_dashboard_asks_for_figures_that_there_are():
    dashboard = (REPOSITORY / "packaging/grafana/sednabox.json").read_text(encoding="utf-8")
    json.loads(dashboard)
    source = (REPOSITORY / "sednabox/service/figures.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"(sednabox_\w+)"', source)) | {"sednabox_drops", "sednabox_events"}
    for name in set(re.findall(r"\b(sednabox_\w+)[{)]", dashboard)):
        assert re.sub(r"_(total|bucket)$", "", name) in known, name
