"""A worker for the tests that kill it: delivers with a short lease until it is told to stop.

python deliverer.py DIRECTORY LEASE_MILLISECONDS
"""

import datetime as dt
import signal
import sys

from funnelflow.notify import Deliverer, Pace, open_endpoints
from funnelflow.storage.outbox import Outbox
from funnelflow.workspace.workspace import Workspace


def main(directory: str, lease: str) -> None:
    with Workspace.open(directory) as workspace:
        config = workspace.config
        pace = Pace(
            lease=dt.timedelta(milliseconds=int(lease)),
            batch=dt.timedelta(milliseconds=20),
            poll=dt.timedelta(milliseconds=50),
        )
        endpoints = open_endpoints(config.subscriptions, workspace.plugins, config.directory)
        worker = Deliverer(endpoints, Outbox(workspace.engine), pace=pace)
        signal.signal(signal.SIGTERM, lambda *_: worker.stop())
        worker.run(watch=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
