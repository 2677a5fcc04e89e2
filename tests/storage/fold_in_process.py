"""Fold pickled partitions in a process that has no SQLAlchemy: what `test_fold` starts."""

import pickle
import sys

sys.modules["sqlalchemy"] = None  # so that importing it fails

from funnelflow.storage.fold import fold_partition  # noqa: E402  # without SQLAlchemy


def main() -> None:
    """Read partitions with their changes, and write what came of each, until the end."""
    asked, answer = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            partition, changes, explain = pickle.load(asked)
        except EOFError:
            return
        pickle.dump(fold_partition(partition, changes, explain=explain), answer)
        answer.flush()


if __name__ == "__main__":
    main()
