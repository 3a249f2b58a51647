"""The option syntax of the real tool: -name value, -name=value, --name value, and names cut short while clear."""
from __future__ import annotations

from typing import Iterator, Sequence


class UsageError(Exception):
    """Raised for options that cannot be understood."""


def read(args: Sequence[str], known: dict[str, bool]) -> Iterator[tuple[str, str, list[str]]]:
    """Each option with its value and what stands behind it; ("", word, rest) for a word that is no option.

    `known` tells of each name whether it takes a value. The caller stops reading where a subcommand starts.
    """
    at = 0
    while at < len(args):
        word = args[at]
        at += 1
        if not word.startswith("-") or word == "-":
            yield "", word, list(args[at:])
            continue
        name, equals, value = word.lstrip("-").partition("=")
        full = _full_name(word, name, known)
        if not known[full]:
            if equals:
                raise UsageError("option '-%s' takes no value" % full)
        elif not equals:
            if at >= len(args):
                raise UsageError("option '-%s' needs a value" % full)
            value = args[at]
            at += 1
        yield full, value, list(args[at:])


def _full_name(word: str, name: str, known: dict[str, bool]) -> str:
    if name in known:
        return name
    fitting = [other for other in known if other.startswith(name)] if name else []
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UsageError("option '%s' is ambiguous: %s" % (word, ", ".join("-" + other for other in fitting)))
    raise UsageError("unrecognized option '%s'; there is: %s" % (word, ", ".join("-" + other for other in known)))
