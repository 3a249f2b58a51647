"""Plays the inference worker: polls the hot-update file as Sedna's library does, and reports each version."""

import json
import os
import time
import urllib.request

config, version = os.environ.get("MODEL_HOT_UPDATE_CONFIG"), None
print("inference runs with", os.environ["MODEL_URL"], flush=True)


def read(path):
    with open(path) as file:
        return json.load(file)


def report(status):
    body = {
        "name": os.environ["WORKER_NAME"],
        "namespace": os.environ["NAMESPACE"],
        "ownerName": os.environ["JOB_NAME"],
        "ownerKind": "incrementallearningjob",
        "kind": "deploy",
        "status": status,
    }
    url = f"{os.environ['LC_SERVER']}/sedna/workers/{os.environ['WORKER_NAME']}/info"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        print(answer.read().decode(), flush=True)


while True:
    time.sleep(0.1)
    try:
        value = read(config)["model_config"]
    except (OSError, TypeError, ValueError):
        continue
    if value["model_update_time"] == version:
        continue
    version = value["model_update_time"]
    try:
        read(value["model_path"])
        status = os.environ.get("DEPLOY_ANSWER", "completed")
    except ValueError:
        status = "failed"
    if status != "silent":
        report(status)
