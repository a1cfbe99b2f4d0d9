"""A node over a World in a process of its own: ``python -m worlds.serve FOLDER``.

Prints the port it listens on, then serves until it is told to stop.
"""

import socket
import sys
from pathlib import Path

from worlds.node import World
from worlds.node_app import app_of

from ledger.adapters.log_lines import configure_logging
from ledger.api.connections import Server
from ledger.bootstrap.server import server_config


def main(folder: Path) -> None:
    configure_logging()
    world = World(folder)
    world.settle()
    app = app_of(world)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        Server(server_config(app, "127.0.0.1", 0), app).run(sockets=[listening])
    world.kill()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
