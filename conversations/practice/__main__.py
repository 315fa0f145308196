"""Run the practice gateway as a process of its own: `python -m conversations.practice --port 0`."""

import argparse

from conversations.practice.server import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m conversations.practice", description=__doc__)
    parser.add_argument("--port", type=int, default=8100, help="0 takes any free port")
    parser.add_argument("--speed", type=float, default=1.0, help="2 makes every pause half as long")
    parser.add_argument("--key", help="the only key to accept; without it any key will do")
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="end when standard input ends, so that the gateway never outlives the process that started it",
    )
    options = parser.parse_args()
    if options.speed <= 0:
        parser.error("--speed must be above 0")
    serve(
        port=options.port,
        speed=options.speed,
        key=options.key,
        until_stdin_closes=options.until_stdin_closes,
    )


if __name__ == "__main__":
    main()
