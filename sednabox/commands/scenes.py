"""sednabox scenes: pictures, videos and datasets of drawn building sites, from a seed."""
from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

NAME = "scenes"
HELP = "draw pictures, videos and datasets of building sites (they are drawings, not photographs)"
EPILOG = """examples:
  sednabox scenes video site.mp4 --seconds 20
  sednabox scenes video dusk.mp4 --schedule 0:day,30:night --seconds 40 --size 1280x720
  sednabox scenes picture one.jpg --domain night --number 7
  sednabox scenes dataset round1 --domain night --count 200

domains: day, dusk, night, rain, haze, noisy, new_colours, traps, crowd, far, rainy_night"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for kind, text in (("video", "an mp4 (H.264) and beside it the labels as JSON lines"),
                       ("picture", "one picture, with its labels on standard output"),
                       ("dataset", "a folder of pictures with Sedna's data.txt")):
        sub = kinds.add_parser(kind, help=text, description=text)
        sub.add_argument("path", metavar="PATH", help="what to write")
        sub.add_argument("--seed", type=int, default=1, help="the site (default 1)")
        sub.add_argument("--domain", default="day", help="light and weather (default day)")
        sub.add_argument("--size", type=_size, default=None, metavar="WxH", help="default 640x352; video: 1280x720")
        if kind == "video":
            sub.add_argument("--seconds", type=float, default=10.0)
            sub.add_argument("--fps", type=int, default=25)
            sub.add_argument("--schedule", default="", metavar="SECOND:DOMAIN,...", help="drifts between these")
        elif kind == "picture":
            sub.add_argument("--number", type=int, default=0, help="which picture of the site")
        else:
            sub.add_argument("--count", type=int, default=100)
            sub.add_argument("--first", type=int, default=0, help="number of the first picture")


def _size(text: str) -> tuple[int, int]:
    width, x, height = text.lower().partition("x")
    if not x or not width.isdigit() or not height.isdigit():
        raise argparse.ArgumentTypeError("write it as 1280x720")
    return int(width), int(height)


def run(args: argparse.Namespace) -> int:
    from edgevision.errors import VisionError
    try:
        return {"video": _video, "picture": _picture, "dataset": _dataset}[args.kind](args)
    except (VisionError, ValueError, OSError) as error:
        if args.debug:
            raise
        sys.stderr.write("sednabox scenes: %s\n" % error)
        return 1


def _video(args: argparse.Namespace) -> int:
    from edgevision.scenes import Camera, write_video
    from edgevision.scenes.domain import Schedule
    schedule: Any = args.domain
    if args.schedule:
        schedule = Schedule.parse(args.schedule)
    camera = Camera(args.seed, schedule, fps=args.fps, size=args.size or (1280, 720))
    frames = max(1, round(args.seconds * args.fps))
    write_video(args.path, camera, frames)
    print("%s: %d frames, %d bytes" % (args.path, frames, os.path.getsize(args.path)))
    return 0


def _picture(args: argparse.Namespace) -> int:
    import cv2

    from edgevision.scenes import CLASSES, SIZE, Scene
    ending = os.path.splitext(args.path)[1].lower()
    if ending not in (".jpg", ".jpeg", ".png"):
        raise ValueError("%s: a picture is written as .jpg or .png" % args.path)
    picture = Scene(args.seed, args.domain, args.size or SIZE).picture(args.number)
    _, data = cv2.imencode(ending, picture.bgr)
    with open(args.path, "wb") as stream:
        stream.write(data.tobytes())
    for x1, y1, x2, y2, cls in picture.labels:
        print(json.dumps({"box": [int(x1), int(y1), int(x2), int(y2)], "class": CLASSES[int(cls)]}))
    return 0


def _dataset(args: argparse.Namespace) -> int:
    from edgevision.scenes import SIZE, Scene, write_dataset
    write_dataset(args.path, Scene(args.seed, args.domain, args.size or SIZE), count=args.count, first=args.first)
    print("%s: %d pictures, %s" % (args.path, args.count, os.path.join(args.path, "data.txt")))
    return 0
