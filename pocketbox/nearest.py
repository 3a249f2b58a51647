"""The name that somebody probably meant."""
from __future__ import annotations

import difflib
from typing import Iterable


def nearest(wrong: str, names: Iterable[str]) -> str:
    """The one of `names` that looks most like `wrong`, or "" when none does.

    >>> nearest("in_imge", ["in_image", "out_image"])
    'in_image'
    """
    known = sorted(set(names))
    lowered = {name.lower(): name for name in known}
    found = difflib.get_close_matches(wrong.lower(), list(lowered), 1, 0.6)
    if found:
        return lowered[found[0]]
    if len(wrong) >= 2:
        for name in known:
            if wrong.lower() in name.lower() or (len(name) >= 3 and name.lower() in wrong.lower()):
                return name
    return ""


def did_you_mean(wrong: str, names: Iterable[str]) -> str:
    """A cure for a wrong name: the nearest one, else the list of what there is."""
    known = sorted(set(names))
    best = nearest(wrong, known)
    if best:
        return f"Did you mean '{best}'?"
    if not known:
        return "There is none."
    if len(known) > 12:
        return "None of the %d names there looks like it." % len(known)
    return "There is: {}.".format(", ".join(known))
