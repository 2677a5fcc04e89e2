"""Answers of plugins, kept so that they can be asked before a transaction takes its lock.

A change is decided twice: once without a lock, where plugins are asked, and once within the
writing transaction, where the same questions find their answers. A question that was not asked
before ends the transaction, because the contact is not what it was then.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from attrs import define, field

Answer = TypeVar("Answer")


class AskAgain(BaseException):
    """A plugin would have to be asked something new while a lock is held.

    It is no `Exception`, so that nobody takes it for the failure of a criterion.
    """


@define
class Answers:
    """What plugins answered to the questions about one change."""

    _given: list[tuple[Any, Any]] = field(factory=list, init=False)
    _is_closed: bool = field(default=False, init=False)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the answers to what is asked within the block, each question asked once."""
        self._given.clear()
        self._is_closed = False
        with _answering(self):
            yield

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Answer what is asked within the block from what was collected.

        Raises:
            AskAgain: Something else was asked.
        """
        self._is_closed = True
        with _answering(self):
            yield

    def answer(self, question: Any, ask: Callable[[], Answer]) -> Answer:
        """Return the answer that was given before, or ask for it."""
        for asked, answer in self._given:
            if asked == question:
                return answer  # type: ignore[no-any-return]  # a question has answers of one type
        if self._is_closed:
            raise AskAgain
        answer = ask()
        self._given.append((question, answer))
        return answer


_answers: ContextVar[Answers | None] = ContextVar("funnelflow_answers", default=None)


def ask_once(question: Callable[[], Any], ask: Callable[[], Answer]) -> Answer:
    """Ask a plugin, unless it is known what it answers.

    Args:
        question: Returns what stands for the question: it is compared, and must not change.
        ask: Asks it.

    Raises:
        AskAgain: Plugins may only be asked what they were asked before.
    """
    answers = _answers.get()
    return ask() if answers is None else answers.answer(question(), ask)


@contextmanager
def _answering(answers: Answers) -> Iterator[None]:
    token = _answers.set(answers)
    try:
        yield
    finally:
        _answers.reset(token)
