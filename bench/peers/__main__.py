"""`python -m bench.peers NAME...`: run peers once, for trying them out."""

import argparse
from pathlib import Path

from rich.console import Console

from bench.job.servers import start_servers
from bench.peers import PEERS, PeerUnavailable, named, prepare, run_peer


def main() -> None:
    """Run the named peers, or all, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("names", nargs="*", help="peers; all without any")
    parser.add_argument("--events", type=int, help="how many orders; by default as many as each is measured on")
    parser.add_argument("--deadline", type=float, default=120.0, help="seconds that each may take")
    parser.add_argument("--cache", type=Path, default=Path(".cache/peers"), help="where their environments are")
    parser.add_argument("--prepare", action="store_true", help="only make their environments")
    parser.add_argument("--log", action="store_true", help="print what each program logged")
    options = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    peers = [named(name) for name in options.names] or PEERS
    if options.prepare:
        for peer in peers:
            prepare(peer, options.cache)
        return
    with start_servers() as brokers:
        for peer in peers:
            run = brokers.new_run()
            try:
                result = run_peer(peer, run, options.cache, options.deadline, options.events)
                console.print(peer.name, result, markup=False)
                if options.log:
                    console.print((brokers.directory / f"{run.kafka.topic_prefix}{peer.name}.log").read_text())
            except PeerUnavailable as error:
                console.print(peer.name, str(error), markup=False)
            finally:
                run.close()


if __name__ == "__main__":
    main()
