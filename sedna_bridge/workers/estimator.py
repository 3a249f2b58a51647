"""The estimator of a worker: a class named by ESTIMATOR=module:Class with the eight methods of Sedna's interface.

    __init__(**kwargs)  train(train_data, valid_data=None, **kwargs)  evaluate(data, **kwargs)  predict(data, **kwargs)
    load(model_url, **kwargs)  save(model_path, **kwargs)  get_weights()  set_weights(weights)

A method gets the keyword arguments that it names, or all where it takes **kwargs, as in Sedna's library.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any, Callable

from sedna_bridge.environment import Environment
from sedna_bridge.workers.errors import WorkerError

DEFAULT = "edgevision.estimator:HelmetEstimator"
METHODS = ("train", "evaluate", "predict", "load", "save", "get_weights", "set_weights")

_NUMBERS = {
    "epochs": int,
    "batch_size": int,
    "max_epochs": int,
    "seed": int,
    "learning_rate": float,
    "obj_threshold": float,
    "nms_threshold": float,
}
_OWN = ("steps", "rehearsal", "threads", "score_threshold")
"""Taken as they are written, and not in upper case: THREADS and the like may mean something else to the system."""
_PARAMETERS = (*_NUMBERS, "class_names", "input_shape")


def estimator_class(environment: Environment) -> Callable[..., Any]:
    """The class that ESTIMATOR names; modules beside the start folder are found too."""
    entry = environment.text("ESTIMATOR", DEFAULT)
    module_name, sign, class_name = entry.partition(":")
    if not sign or not module_name or not class_name:
        raise WorkerError(f"ESTIMATOR: expected module:Class, such as {DEFAULT}; got {entry!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except ImportError as error:
        raise WorkerError(
            f"ESTIMATOR={entry}: {error}; install what it needs, or put its folder in PYTHONPATH"
        ) from None
    except AttributeError:
        raise WorkerError(f"ESTIMATOR={entry}: module {module_name} has no {class_name}") from None
    missing = [name for name in METHODS if not callable(getattr(found, name, None))]
    if missing:
        raise WorkerError(f"ESTIMATOR={entry}: the class lacks {', '.join(missing)}")
    return found


def parameters(environment: Environment) -> dict[str, Any]:
    """What the job's author set for the estimator: epochs, batch_size, class_names, input_shape and the like.

    `ESTIMATOR_<name>` adds any other keyword argument.
    """
    values: dict[str, Any] = {}
    for name in _PARAMETERS:
        text = environment.get(name)
        if text is None:
            continue
        if name in _NUMBERS:
            kind = _NUMBERS[name]
            values[name] = environment.integer(name, 0) if kind is int else environment.number(name, 0.0)
        elif name == "input_shape":
            values[name] = tuple(environment.shape(name) or ())
        else:
            values[name] = environment.items_of(name)
    for name in _OWN:
        text = environment.raw(name)
        if text:
            values[name] = text
    for name, text in environment.items():
        if name.startswith("ESTIMATOR_"):
            values.setdefault(name[len("ESTIMATOR_") :].lower(), text)
    return values


def call(method: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """Call `method` with the keyword arguments that it takes."""
    signature = inspect.signature(method)
    takes_all = any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in signature.parameters.values())
    fitting: Mapping[str, Any] = named if takes_all else {k: v for k, v in named.items() if k in signature.parameters}
    return method(*values, **fitting)
