"""`python -m tests.double`: the double by hand or under another process; the first line is its base URL."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from .server import Double


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.double", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--config", default="{}", help="JSON, or a file of it: fields of Behaviour, and `models`")
    parser.add_argument("--strict", action="store_true", help="unknown models are 404")
    parser.add_argument("--keep-bodies", action="store_true", help="GET /requests lists every request")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    args = parser.parse_args()
    text = args.config if args.config.lstrip().startswith("{") else Path(args.config).read_text(encoding="utf-8")
    double = Double(port=args.port, strict=args.strict, keep_bodies=args.keep_bodies, **json.loads(text))
    asyncio.run(serve(double, args.until_eof))


async def serve(double: Double, until_eof: bool) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, over.set)
    if until_eof:
        loop.add_reader(0, lambda: None if os.read(0, 1) else over.set())
    async with double:
        print(double.base_url, flush=True)
        await over.wait()
    print(json.dumps(double.stats.to_json()), flush=True)


if __name__ == "__main__":
    main()
