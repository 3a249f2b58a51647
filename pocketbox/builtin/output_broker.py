"""output_broker: sends each buffer to the webhooks that the session's configuration names.

The configuration stands under `config` in the session's settings, as JSON:
{"brokers": [{"type": "webhook", "name": NAME, "cfg": "{\\"url\\": ..., \\"headers\\": {...}}"}]}. A buffer's meta
`output_broker_names` ("a|b") picks among them.
"""
from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import Any

from ..sdk import log
from ..sdk.buffer import Buffer
from .picture import raw_bytes
from .unit import FAULT, INVALID, BuiltinUnit, Refusal, choice, text_of, unsigned
from .webhook import BrokerError, Webhook

STATE = "brokers"
VENDORS = ("obs", "dis")
TRIES_AT_END = 5
LEAST_REST = 0.01


class Pace:
    """How often and how soon a refused delivery is tried again."""

    def __init__(self, config: Any) -> None:
        self.limit = config.get_int("retry_count_limit", 0)
        self.base = unsigned(config, "retry_interval_base_ms") / 1000.0
        self.step = unsigned(config, "retry_interval_increment_ms") / 1000.0
        self.most = max(self.base, unsigned(config, "retry_interval_limit_ms") / 1000.0)

    def next(self, interval: float) -> float:
        return self.base if not interval else min(self.most, interval + self.step)


class Delivery:
    """One broker of one stream. `put` sends at once, or hands over to a thread that does."""

    def __init__(self, name: str, target: Webhook, pace: Pace, queue_size: int) -> None:
        self.name = name
        self.target = target
        self.pace = pace
        self.dropped = 0
        self._interval = 0.0
        self._size = queue_size
        self._queue: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = False
        self._stopped = False

    def send(self, data: bytes) -> None:
        """Deliver, with as many tries as the options allow; what cannot be delivered is dropped and counted."""
        tries = 0
        while not self._stopped:
            try:
                self.target.send(data)
                self._interval = 0.0
                return
            except BrokerError as error:
                limit = self.pace.limit if self.pace.limit >= 0 or not self._ending else TRIES_AT_END
                if not error.again or (0 <= limit <= tries):
                    self._interval = 0.0 if not error.again else self._interval
                    self.dropped += 1
                    log.error("output_broker: data for %s is dropped (%d so far): %s" % (
                        self.name, self.dropped, error))
                    return
                tries += 1
                self._interval = self.pace.next(self._interval)
                self._rest(max(LEAST_REST, self.pace.base if self._ending else self._interval))

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        with self._changed:
            while not self._stopped and time.monotonic() < end:
                self._changed.wait(end - time.monotonic())

    def queue(self, data: bytes) -> None:
        """Leave it to the thread; when too much waits, the oldest is dropped."""
        with self._changed:
            while len(self._queue) >= max(1, self._size):
                self._queue.popleft()
                self.dropped += 1
                log.warn("output_broker: more than %d buffers wait for %s: the oldest is dropped (%d so far). "
                         "mode=sync drops none, a larger queue_size fewer" % (self._size, self.name, self.dropped))
            self._queue.append(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pocketbox-broker", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._ending and not self._stopped:
                    self._changed.wait()
                if self._stopped or not self._queue:
                    return
                data = self._queue.popleft()
            self.send(data)

    def finish(self) -> None:
        """Deliver what waits, with an end to the tries, and close."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self.target.close()

    def stop(self) -> None:
        """Give up at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class OutputBroker(BuiltinUnit):
    def configure(self, config: Any) -> None:
        self.wait_for_each = choice(config, "mode", "sync", ("sync", "async")) == "sync"
        self.pace = Pace(config)
        self.queue_size = unsigned(config, "queue_size", 100)
        self._open: set[Delivery] = set()
        self._lock = threading.Lock()

    def begin(self, ctx: Any) -> None:
        text = ctx.get_session_config().get_string("config")
        if not text:
            raise self._failed(FAULT, "Output broker config in session has not been set: it stands under 'config' in "
                               "the session's settings")
        try:
            said = json.loads(text)
        except ValueError as error:
            raise self._failed(INVALID, "the session's output broker config is no JSON: %s" % error) from None
        brokers = said.get("brokers") if isinstance(said, dict) else None
        if not isinstance(brokers, list) or not brokers:
            raise self._failed(INVALID, "the session's output broker config has no list under 'brokers'")
        deliveries: dict[str, Delivery] = {}
        for broker in brokers:
            delivery = self._delivery(broker)
            if delivery is not None:
                deliveries[delivery.name] = delivery
        with self._lock:
            self._open.update(deliveries.values())
        ctx.set_private(STATE, deliveries)

    def _failed(self, code: Any, message: str) -> Refusal:
        self.fail(message)
        return Refusal(code, message)

    def _delivery(self, broker: Any) -> Delivery | None:
        """One entry of the configuration; a bad one is told and left out, the others work."""
        said = broker if isinstance(broker, dict) else {}
        values = [said.get(key) for key in ("type", "name", "cfg")]
        try:
            for key, value in zip(("type", "name", "cfg"), values):
                if not isinstance(value, str) or not value:
                    raise BrokerError("its '%s' is no text" % key)
            kind, name, cfg = (str(value) for value in values)
            if kind != "webhook":
                why = ("writes to a vendor's cloud, which the embedded engine leaves out" if kind in VENDORS
                       else "does not exist; there is: webhook")
                raise BrokerError("type '%s' %s" % (kind, why))
            return Delivery(name, Webhook(cfg), self.pace, self.queue_size)
        except BrokerError as error:
            self.fail("output broker '%s' cannot be used: %s" % (values[1], error))
            log.error("node %s: output broker '%s' cannot be used: %s" % (self.node_name(), values[1], error))
            return None

    def work(self, ctx: Any) -> None:
        deliveries: dict[str, Delivery] = ctx.get_private(STATE)
        for buffer in ctx.input("in_output_info"):
            data = raw_bytes(buffer).tobytes()
            for name in _names(buffer) or list(deliveries):
                delivery = deliveries.get(name)
                if delivery is None:
                    log.error("node %s: there is no broker '%s'; the configuration names: %s" % (
                        self.node_name(), name, ", ".join(deliveries)))
                elif self.wait_for_each:
                    delivery.send(data)
                else:
                    delivery.queue(data)

    def end(self, ctx: Any) -> None:
        for delivery in (ctx._values.pop(STATE, None) or {}).values():
            delivery.finish()
            with self._lock:
                self._open.discard(delivery)

    def close(self) -> Any:
        for delivery in list(self._open):
            delivery.stop()
        return super().close()


def _names(buffer: Buffer) -> list[str]:
    return [name for name in (text_of(buffer, "output_broker_names") or "").split("|") if name]
