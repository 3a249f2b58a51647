"""`sednabox cloud`: the receiving server for hard examples."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from sedna_bridge.cloud import CloudServer, ExampleStore
from sedna_bridge.errors import BridgeError
from sedna_bridge.spool.limits import read_bytes

NAME = "cloud"
HELP = "receive hard examples: token, content check, idempotent store, quota"

OK, BAD, USAGE = 0, 1, 2
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", required=True, metavar="DIR", help="where the examples are kept")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8480)
    parser.add_argument(
        "--token-file", default="", metavar="FILE", help="file with the bearer token (default: SEDNABOX_TOKEN)"
    )
    parser.add_argument("--no-token", action="store_true", help="let everybody write who can reach the port")
    parser.add_argument("--quota", default="0", metavar="SIZE", help="for example 20GB; 0 is no limit")
    parser.add_argument("--free-disk", default="64MB", metavar="SIZE", help="what stays free on the disk")
    parser.add_argument("--largest", default="64MB", metavar="SIZE", help="of one example")
    parser.add_argument("--certificate", default="", metavar="FILE", help="serve HTTPS")
    parser.add_argument("--key", default="", metavar="FILE")
    parser.add_argument(
        "--client-ca", default="", metavar="FILE", help="ask clients for a certificate of this authority"
    )
    parser.add_argument("--verbose", action="store_true", help="log every request")
    parser.add_argument("--json", action="store_true", help="say where it listens as JSON")


def run(args: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT; 0 then, 1 if it could not begin, 2 if nothing keeps strangers out."""
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    try:
        token = os.environ.get("SEDNABOX_TOKEN", "")
        if args.token_file:
            token = Path(args.token_file).read_text(encoding="utf-8").strip()
            if not token:
                return _fail("the token file %s is empty" % args.token_file, USAGE)
        if not token and not args.no_token and not args.client_ca and args.host not in LOOPBACK:
            return _fail(
                "%s can be reached by others: give --token-file or --client-ca, or say --no-token" % args.host, USAGE
            )
        sizes = {
            name: read_bytes("--" + name.replace("_", "-"), getattr(args, name))
            for name in ("quota", "free_disk", "largest")
        }
        store = ExampleStore(args.store, sizes["quota"], sizes["free_disk"], sizes["largest"])
        server = CloudServer(
            store, args.host, args.port, "" if args.no_token else token, args.certificate, args.key, args.client_ca
        )
    except (BridgeError, OSError) as error:
        return _fail(error, BAD)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    about = {"url": server.url, "store": str(store.directory.path), **store.stats()}
    print(
        json.dumps(about) if args.json else "listening at %(url)s, store %(store)s with %(examples)d examples" % about,
        flush=True,
    )
    try:
        server.serve_forever()
    finally:
        server.server_close()
    return OK


def _fail(error: object, status: int) -> int:
    print("sednabox cloud: %s" % error, file=sys.stderr)
    return status


if __name__ == "__main__":
    made = argparse.ArgumentParser(prog="sednabox cloud", description=HELP)
    add_arguments(made)
    sys.exit(run(made.parse_args()))
