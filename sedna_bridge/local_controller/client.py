"""A worker's side of the LocalController: reports that arrive once, and never hold up a frame.

`Client` checks a report, keeps it in the outbox, and a thread of its own delivers it in order with deadlines and
back-off. A caller on the frame path uses only `statistics`, which touches neither disk nor network.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable

from sedna_bridge import contract
from sedna_bridge.contract import ContractError, InferenceStatistics, Report, info_path
from sedna_bridge.environment import WorkerEnvironment
from sedna_bridge.local_controller import delivery
from sedna_bridge.local_controller.outbox import IN_DOUBT, QUEUED, REFUSED, SENT, Event, Outbox

_LONGEST_DOUBT = 3600.0
"""After this many seconds without an answer a report to an LC that stayed up counts as delivered."""

Diagnosis = Callable[[str], None]


class Client:
    """Reports of one worker to its LC.

    `settle` is how long a report waits after an LC came back: the real one knows no job until GM has told it again
    (30 to 60 s) and drops with 200 what comes before.
    """

    def __init__(
        self,
        environment: WorkerEnvironment,
        outbox: Outbox,
        deadline: float = 10.0,
        settle: float = 60.0,
        first_pause: float = 0.5,
        longest_pause: float = 60.0,
        diagnose: Diagnosis | None = None,
    ) -> None:
        if not environment.in_sedna:
            raise ContractError(
                "WORKER_NAME and JOB_NAME (or SERVICE_NAME) must be set to report to a LocalController; "
                "outside of Sedna there is nobody to report to"
            )
        self.environment = environment
        self.outbox = outbox
        self.deadline = deadline
        self.settle = settle
        self.first_pause = first_pause
        self.longest_pause = longest_pause
        self._diagnose = diagnose or (lambda text: None)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._newest: InferenceStatistics | None = None
        self._was_away = False

    def train(self, results: Sequence[Mapping[str, Any]], status: str = contract.COMPLETED, key: str = "") -> bool:
        """Report the end of training; `results` name the trained models at host paths."""
        return self.report(contract.TRAIN, status, results, key)

    def evaluation(self, results: Sequence[Mapping[str, Any]], status: str = contract.COMPLETED, key: str = "") -> bool:
        """Report an evaluation: exactly two results, new and deployed, metrics as lists."""
        return self.report(contract.EVAL, status, results, key)

    def deploy(self, version: str, completed: bool) -> bool:
        """Report that a hot update took (or not), once per version, also across restarts."""
        status = contract.COMPLETED if completed else contract.FAILED
        return self.report(contract.DEPLOY, status, (), f"version:{version}")

    def report(self, kind: str, status: str, results: Sequence[Mapping[str, Any]] = (), key: str = "") -> bool:
        """Keep one event for delivery; False if the same event was kept or sent before.

        `key` makes the event one; without it the same kind, status and results are one event of this worker.
        """
        env = self.environment
        body = Report(
            env.worker_name, env.namespace or "default", env.owner_name, env.owner_kind, kind, status, tuple(results)
        )
        body.check()
        text = body.text()
        token = key or hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]
        # The owner and not the worker's name: a restarted inference pod has a new name and the same versions.
        whose = env.owner_name if kind == contract.DEPLOY and key else env.worker_name
        added = self.outbox.add(f"{env.namespace}/{whose}/{kind}/{token}", self.url, text)
        self._wake.set()
        return added

    def statistics(self, statistics: InferenceStatistics) -> None:
        """Offer the newest statistics of a joint inference worker; never waits. GM has no place for a job's."""
        if self.environment.owner_kind != contract.JOINT_INFERENCE:
            raise ContractError(
                f"{self.environment.owner_name} is an incremental job: GM drops statistics of its workers; do not send"
            )
        self._newest = statistics
        self._wake.set()

    @property
    def url(self) -> str:
        return self.environment.lc_server + info_path(self.environment.worker_name)

    def start(self) -> Client:
        """Begin to deliver beside the caller, also what a former process left."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lc-client", daemon=True)
            self._thread.start()
        return self

    def flush(self, deadline: float) -> bool:
        """Wait until nothing of this worker waits any more; False if it still does after `deadline` seconds."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if self._newest is None and not any(event.url == self.url for event in self.outbox.waiting()):
                return True
            self._wake.set()
            time.sleep(0.05)
        return False

    def close(self, deadline: float = 0.0) -> bool:
        """Stop delivering, after at most `deadline` seconds; what waits stays on disk for the next process."""
        done = self.flush(deadline) if deadline and self._thread else True
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=self.deadline + 1)
        return done

    def refused(self) -> list[str]:
        """What the LC did not take, in plain words."""
        return [event.detail for event in self.outbox.all() if event.state == REFUSED and event.url == self.url]

    def _run(self) -> None:
        failures = 0
        while not self._stop.is_set():
            pause: float | None = 30.0
            try:
                self._keep_statistics()
                with self.outbox.sender() as mine:
                    pause = self._deliver_waiting(failures) if mine else 0.5
            except Exception as error:
                self._diagnose(f"reports wait: {error}")
                pause = self._back_off(failures)
            if pause is None:
                failures = 0
                continue
            failures = failures + 1 if pause and self._was_away else 0
            self._wake.wait(timeout=pause)
            self._wake.clear()

    def _keep_statistics(self) -> None:
        statistics, self._newest = self._newest, None
        if statistics is None:
            return
        env = self.environment
        body = Report(
            env.worker_name,
            env.namespace or "default",
            env.owner_name,
            env.owner_kind,
            contract.INFERENCE,
            owner_info=statistics.to_json(),
        )
        body.check()
        self.outbox.add(f"{env.namespace}/{env.worker_name}/statistics", self.url, body.text(), replaceable=True)

    def _deliver_waiting(self, failures: int) -> float | None:
        """Try the oldest event; None to go on at once, else the seconds until the next look."""
        event = self.outbox.next(self.environment.lc_server)
        if event is None:
            return 30.0
        early = event.not_before - time.time()
        if early > 0:
            return min(early, 30.0)
        if event.state == IN_DOUBT and not event.replaceable:
            return self._resolve_doubt(event, failures)
        if event.replaceable:
            outcome = delivery.post(event.url, event.body, self.deadline)
        else:
            outcome = delivery.post(
                event.url,
                event.body,
                self.deadline,
                lambda: self.outbox.mark_before_sending(event),
                lambda: not self._stop.is_set() and time.time() < event.created + _LONGEST_DOUBT,
            )
        return self._settle_outcome(event, outcome, failures)

    def _resolve_doubt(self, event: Event, failures: int) -> float:
        """A living LC acts on what it has. Only one that is gone has surely forgotten it."""
        if delivery.is_alive(event.url):
            if time.time() - event.created > _LONGEST_DOUBT:
                self.outbox.mark(event, SENT, "no answer came, but the LC stayed up for an hour: taken as delivered")
                return 0.0
            return max(self.first_pause, min(self.longest_pause, 5.0))
        self._was_away = True
        self.outbox.mark(event, QUEUED, "the LC went away before it answered", 0.0)
        return self._back_off(failures)

    def _settle_outcome(self, event: Event, outcome: delivery.Outcome, failures: int) -> float | None:
        if outcome.what == delivery.DELIVERED:
            self.outbox.mark(event, SENT, outcome.detail)
            self._was_away = False
            if outcome.detail:
                self._diagnose(f"{event.url}: {outcome.detail}")
            return None
        if outcome.what == delivery.REFUSED:
            self.outbox.mark(event, REFUSED, outcome.detail)
            self._diagnose(f"{event.url}: {outcome.detail}")
            return None
        if outcome.what == delivery.UNKNOWN:
            self.outbox.mark(event, QUEUED if event.replaceable else IN_DOUBT, outcome.detail, time.time() + 1)
            self._diagnose(f"{event.url}: {outcome.detail}: waiting for the LC to answer or to go away")
            return 1.0
        self._was_away = True
        pause = self._back_off(failures)
        self.outbox.mark(event, QUEUED, outcome.detail)
        if failures in (0, 10, 100):
            self._diagnose(f"{event.url}: {outcome.detail}: trying again")
        self._await_return(event, pause)
        return 0.0

    def _await_return(self, event: Event, pause: float) -> None:
        """Wait for an LC that is away; when it is back, let it settle before it gets anything."""
        while not self._stop.wait(pause):
            if delivery.is_alive(event.url):
                self._stop.wait(self.settle)
                return
            pause = min(self.longest_pause, pause * 1.7)

    def _back_off(self, failures: int) -> float:
        return float(min(self.longest_pause, self.first_pause * 1.7 ** min(failures, 20)))
