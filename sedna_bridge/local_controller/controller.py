"""The local controller: one process per state directory that moves every job, and answers its workers as an LC.

It may be killed at any moment: what it knows is in the state file, workers live on under their keepers, and the next
controller takes both up again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import sys
import threading
import time
from typing import Any, Callable

from sedna_bridge.contract import INCREMENTAL, JOINT_INFERENCE, is_local
from sedna_bridge.errors import BridgeError
from sedna_bridge.jobs.resources import Dataset, from_json, typed
from sedna_bridge.local_controller import inference, processes, reports, samples, stages
from sedna_bridge.local_controller.context import JobContext, Settings
from sedna_bridge.local_controller.errors import ControllerBusy
from sedna_bridge.local_controller.pods import host
from sedna_bridge.local_controller.samples import DatasetError
from sedna_bridge.local_controller.server import Server
from sedna_bridge.local_controller.store import Store

_MOST_STEPS = 20
_KEPT_WORKERS = 30


class Controller:
    """Owns the state directory's lock, the HTTP server and the loop."""

    def __init__(self, settings: Settings, address: str = "127.0.0.1", port: int = 9100) -> None:
        os.makedirs(settings.folder, mode=0o700, exist_ok=True)
        self._lock = os.open(os.path.join(settings.folder, "controller.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ControllerBusy(f"another local controller works on {settings.folder}") from None
        self.store = Store(settings.folder)
        try:
            self.server = Server(address, port, self._keep)
        except ControllerBusy as error:
            self._tell_all("PortInUse", str(error))
            os.close(self._lock)
            raise
        host = "127.0.0.1" if address in ("", "0.0.0.0", "::") else address
        server = f"http://{host}:{self.server.server_port}"
        self.settings = Settings(**{**settings.__dict__, "lc_server": server})
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._faults: dict[str, str] = {}
        self._stamps: dict[str, list] = {}

    @property
    def port(self) -> int:
        return int(self.server.server_port)

    def run(self, told: Callable[[str], None] | None = None) -> None:
        """Work until `stop`. Workers are left running: a restart of the controller is no event for them."""
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        self.store.note(
            "controller", {"pid": os.getpid(), "server": self.settings.lc_server, "root": self.settings.root}
        )
        if told:
            told(self.settings.lc_server)
        try:
            while not self._stop.is_set():
                self.tick()
                self._wake.wait(self.settings.tick)
                self._wake.clear()
        finally:
            self.server.shutdown()
            self.server.server_close()
            with contextlib.suppress(sqlite3.Error):
                self.store.note("controller", {"pid": 0, "server": "", "root": self.settings.root})
            self.store.close()
            os.close(self._lock)

    def delete_once(self) -> None:
        """Work on deletions only: for a command that runs while no controller does."""
        for row in self.store.resource_rows():
            if row["deleted"] is not None:
                self._delete(row)

    def close(self) -> None:
        """Let go of port, lock and state without having run."""
        self.server.server_close()
        self.store.close()
        os.close(self._lock)

    def stop(self) -> None:
        self._stop.set()
        self._wake.set()

    def on_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def _keep(self, message: Any) -> None:
        self.store.keep_report(message)
        self._wake.set()

    def tick(self) -> None:
        """Everything once: reports, deletions, jobs. A fault in one job does not stop the others."""
        try:
            self._take_reports()
            for row in self.store.resource_rows():
                if row["deleted"] is not None:
                    self._delete(row)
                elif row["kind"] == "IncrementalLearningJob":
                    self._work(row)
                elif row["kind"] == "Dataset":
                    self._count(row)
            self._faults.pop("state", None)
        except sqlite3.Error as error:
            self._fault("state", f"the state file cannot be used: {error}")
            time.sleep(1.0)

    def _count(self, row: Any) -> None:
        """Keep a dataset's number of samples, as the LC reports it, whether a job uses it or not."""
        dataset = typed(from_json(row["text"]))
        assert isinstance(dataset, Dataset)
        key = f"dataset/{dataset.namespace}/{dataset.name}"
        note = {"samples": 0, "problem": "", **(self.store.note(key) or {})}
        try:
            if not is_local(dataset.url):
                raise DatasetError(f"{dataset.url}: one machine reads host paths only")
            path = host(self.settings.root, dataset.url)
            stamp = samples.stamp(path)
            if stamp == self._stamps.get(key) and not note["problem"]:
                return
            found = {"samples": samples.count(path, dataset.format), "problem": ""}
            self._stamps[key] = stamp
        except DatasetError as error:
            found = {"samples": note["samples"], "problem": str(error)}
        if found != {"samples": note["samples"], "problem": note["problem"]} or "updated" not in note:
            self.store.note(key, {**found, "updated": time.time()})

    def _work(self, row: Any) -> None:
        title = f"{row['namespace']}/{row['name']}"
        try:
            context = JobContext(self.store, self.settings, from_json(row["text"]), row["uid"])
            if self.store.job_state(row["uid"]) is None:
                self._begin(context)
            inference.supervise(context)
            for _ in range(_MOST_STEPS):
                if not stages.step(context):
                    break
            self._tidy(context)
            self._faults.pop(title, None)
        except (BridgeError, OSError, sqlite3.Error) as error:
            self._fault(title, f"{type(error).__name__}: {error}", row)
        except Exception as error:
            self._fault(title, f"a fault of the controller itself: {type(error).__name__}: {error}", row)

    def _begin(self, context: JobContext) -> None:
        """Meet a job for the first time: its output folders and its first condition."""
        from sedna_bridge.contract_conditions import Condition
        from sedna_bridge.contract_rounds import output_folders

        for folder in output_folders(context.job.output_dir):
            try:
                os.makedirs(context.host(folder), exist_ok=True)
            except (OSError, BridgeError) as error:
                context.event("OutputDir", f"{folder}: {error}", True)
                break
        with self.store.change():
            self.store.add_condition(context.uid, Condition(context.state.stage, context.state.type))
            context.save()

    def _take_reports(self) -> None:
        for row in self.store.waiting_reports():
            message = json.loads(row["body"])
            note = self._take_report(message, row["received"])
            self.store.report_handled(row["id"], note)

    def _take_report(self, message: dict, received: float) -> str:
        namespace, name = message.get("namespace", ""), message.get("ownerName", "")
        if message.get("ownerKind") == JOINT_INFERENCE and self.store.find("JointInferenceService", namespace, name):
            metrics = {
                k: v for k, v in (message.get("ownerInfo") or {}).items() if k not in ("startTime", "updateTime")
            }
            self.store.note(f"service/{namespace}/{name}", {"metrics": metrics, "updated": received})
            return ""
        if message.get("ownerKind") != INCREMENTAL:
            return f"ownerKind {message.get('ownerKind')!r}: answered and dropped, as the LC does"
        for row in self.store.resource_rows("IncrementalLearningJob", namespace, name) if namespace and name else ():
            if row["deleted"] is None:
                context = JobContext(self.store, self.settings, from_json(row["text"]), row["uid"])
                note = reports.take_report(context, message, received)
                if note:
                    said = f"{message.get('kind')} {message.get('status')} of {message.get('name')}: {note}"
                    context.event("ReportIgnored", said, True)
                return note
        return f"there is no job {namespace}/{name}: answered and dropped, as the LC does"

    def _tidy(self, context: JobContext) -> None:
        """Notice ends, stop workers that have reported but do not end, and forget old workers' folders."""
        state = context.state
        current = {(state.worker, state.attempt), (state.infer.get("worker"), state.infer.get("attempt"))}
        rows = self.store.workers(context.uid)
        for row in rows:
            if row["state"] == "ended" or ((row["name"], row["attempt"]) in current and self._needed(state, row)):
                continue
            seen = processes.look(row["folder"])
            if seen.state in (processes.ENDED, processes.LOST):
                self.store.end_worker(row["name"], row["attempt"], seen.code, seen.reason, seen.message)
            elif time.time() - row["started"] > self.settings.linger:
                processes.stop(row["folder"])
        ended = [row for row in rows if row["state"] == "ended"]
        for row in ended[:-_KEPT_WORKERS]:
            processes.forget(row["folder"])
            for log in (row["log"], row["log"] + ".1"):
                if os.path.exists(log):
                    os.remove(log)
            with self.store.change() as database:
                database.execute("DELETE FROM workers WHERE id=?", (row["id"],))

    @staticmethod
    def _needed(state: Any, row: Any) -> bool:
        if row["stage"] == "inference":
            return True
        return bool(state.stage.lower() == row["stage"] and state.type in ("Ready", "Starting", "Running"))

    def _delete(self, row: Any) -> None:
        """A resource that shall go: its workers end first. What it wrote below outputDir stays."""
        running = [worker for worker in self.store.workers(row["uid"]) if worker["state"] != "ended"]
        alive = False
        for worker in running:
            seen = processes.look(worker["folder"])
            if seen.state in (processes.RUNNING, processes.STARTING) and os.path.isdir(worker["folder"]):
                alive = alive or seen.state == processes.RUNNING
                processes.stop(worker["folder"])
        if alive:
            return
        for worker in self.store.workers(row["uid"]):
            processes.forget(worker["folder"])
        if row["kind"] == "IncrementalLearningJob":
            context = JobContext(self.store, self.settings, from_json(row["text"]), row["uid"])
            shutil.rmtree(context.hot_folder, ignore_errors=True)
            context.installer().keep()
        self.store.remove(row)

    def _fault(self, title: str, message: str, row: Any = None) -> None:
        if self._faults.get(title) == message:
            return
        self._faults[title] = message
        print(f"{time.strftime('%H:%M:%S')} {title}: {message}", file=sys.stderr, flush=True)
        try:
            if row is not None:
                resource = from_json(row["text"])
                with self.store.change() as database:
                    self.store.event(resource, "Fault", message, True)
                    database.execute("UPDATE jobs SET note=? WHERE uid=?", (message, row["uid"]))
        except sqlite3.Error:
            pass

    def _tell_all(self, reason: str, message: str) -> None:
        for row in self.store.resource_rows("IncrementalLearningJob"):
            self.store.event(from_json(row["text"]), reason, message, True)
        self.store.note("problem", {"reason": reason, "message": message, "time": time.time()})
