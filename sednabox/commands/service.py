"""sednabox service: run the configured graph for months, for systemd."""
from __future__ import annotations

import argparse
import os
import sys

NAME = "service"
HELP = "run the graph of a configuration as a service: watchdog, figures for Prometheus, secrets from systemd"
BAD_CONFIGURATION = 78      # EX_CONFIG: the unit does not try again


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ..config import DEFAULT_PATH
    parser.add_argument("--config", default=DEFAULT_PATH, metavar="FILE", help="default: %(default)s")
    parser.epilog = ("exit code: 0 the data is finished or the service was stopped, 1 the graph cannot be built or a "
                     "port is taken, 2 it failed while running, 78 the configuration is wrong")


def run(args: argparse.Namespace) -> int:
    from .. import config
    from ..__main__ import version
    from ..service.run import Service
    found, problems = config.read(args.config, os.environ)
    for problem in problems:
        sys.stderr.write("%s\n" % problem)
    if found is None:
        return BAD_CONFIGURATION
    return Service(found, os.environ, version()).run()
