"""`python -m edgevision.probe FOLDER`: load a model, warm it up, and exit 0. Runs in a child process with
limits."""

from __future__ import annotations

import sys


def main(folder: str) -> int:
    """0 when the model loads and judges a grey frame; else 1 and the reason on the last line."""
    from edgevision.detector import Detector
    from edgevision.errors import VisionError

    try:
        with Detector(folder, threads=1) as detector:
            seconds = detector.warm_up()
    except (VisionError, MemoryError) as error:
        print(str(error) or type(error).__name__)
        return 1
    print("%.1f ms for a frame" % (seconds * 1000))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
