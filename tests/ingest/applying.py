"""Files of events for the tests of `apply`, and what became of them."""

from funnelflow.ingest import apply as apply_module
from funnelflow.ingest.file_options import FileOptions

HEADER = "contact,event,at,actor,facts,key\n"
STORY = HEADER + (
    'ada,subscribed,2026-03-01T09:00:00Z,web,"{""email"": ""ada@example.com""}",\n'
    "ada,replied,2026-03-02T09:00:00+01:00,,,\n"
    "ada,replied,2026-03-03T09:00:00Z,,,\n"
    "grace,subscribed,2026-03-01T09:00:00Z,web,,\n"
    'ada,called,2026-03-04T09:00:00Z,bob,"{""budget"": 6000, ""authority"": true}",\n'
)


def options(**said):
    """Give options with small chunks."""
    return FileOptions(**{"chunk": 2, **said})


def story(workspace, contact="ada"):
    """Give the events in the history of a contact."""
    return [row.event for row in workspace.history(contact).rows]


def counts(summary):
    """Give what a summary counts, without what differs between runs."""
    return summary.counts.to_json()


def events(number, *, contacts=7, key=False, start=0):
    """Write a CSV file of many events."""
    rows = [
        f"c{n % contacts},{('subscribed', 'replied', 'called', 'gave_up')[n % 4]},"
        f'2026-03-01T09:{n // 60 % 60:02d}:{n % 60:02d}Z,,"{{""email"": ""a@example.com""}}",'
        + (f"k{n}\n" if key else "\n")
        for n in range(start, start + number)
    ]
    return HEADER + "".join(rows)


def break_after(monkeypatch, chunks):
    """Let a run fail when it has committed that many chunks."""
    save, done = apply_module.save_checkpoint, []

    def fail(*arguments):
        if len(done) == chunks:
            raise KeyboardInterrupt
        done.append(save(*arguments))
        return done[-1]

    monkeypatch.setattr(apply_module, "save_checkpoint", fail)
