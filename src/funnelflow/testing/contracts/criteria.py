"""What every criterion of a plugin must do.

::

    class TestAnswers(CriterionContract):
        provider = plugin.funnelflow_criteria()[0]
        examples = (
            Example({"replies": 3, "outreaches": 4}, {"percent": 50}, True),
            Example({}, {"percent": 50}, None),
        )
"""

import datetime as dt
import pickle
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from attrs import field, frozen

from funnelflow.criteria import CustomCall, Field, Fields, Value
from funnelflow.plugins import CriterionProvider

__all__ = ["CriterionContract", "Example"]

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


@frozen
class Example:
    """A question to a criterion, and its answer.

    Attributes:
        fields: What is known about the contact.
        arguments: What the definition calls it with.
        answer: True, False, or None for unknown.
        facts: What the event brings.
        now: The time.
    """

    fields: Mapping[str, Value]
    arguments: Mapping[str, Any]
    answer: bool | None
    facts: Mapping[str, Value] = field(factory=dict)
    now: dt.datetime = NOW


class CriterionContract:
    """Tests that every criterion must pass; subclass it with a provider and some examples.

    Attributes:
        provider: The criterion.
        examples: Questions with their answers; at least one for True and one for False.
    """

    provider: ClassVar[CriterionProvider]
    examples: ClassVar[tuple[Example, ...]]

    def ask(self, example: Example, fields: Fields | None = None) -> bool | None:
        """Ask the criterion as a rule does."""
        given = {**self.provider.defaults, **example.arguments}
        arguments = {
            name: Field(name, kind).normalise(given[name])
            for name, kind in self.provider.parameters.items()
        }
        known = example.fields if fields is None else fields
        call = CustomCall(
            MappingProxyType(dict(known)) if fields is None else known,
            MappingProxyType(dict(example.facts)),
            example.now,
            MappingProxyType(arguments),
        )
        return self.provider.function(call)

    def test_it_answers_its_examples(self) -> None:
        """The answers are those of the examples."""
        for example in self.examples:
            assert self.ask(example) is example.answer, example

    def test_its_examples_show_both_answers(self) -> None:
        """A criterion that is always met, or never, is none."""
        assert {True, False} <= {example.answer for example in self.examples}

    def test_it_gives_the_same_answer_again(self) -> None:
        """A replay asks it again, and must come to the same stage."""
        for example in self.examples:
            assert self.ask(example) is self.ask(example), example

    def test_it_does_not_raise_when_nothing_is_known(self) -> None:
        """Facts that nobody has asked about are the usual case."""
        for example in self.examples:
            assert self.ask(example, MappingProxyType({})) in (True, False, None)

    def test_it_declares_the_fields_that_it_reads(self) -> None:
        """What it reads is what people are asked for when it is unknown."""
        for example in self.examples:
            fields = _Watched(example.fields)
            self.ask(example, fields)
            assert fields.read <= set(self.provider.reads), example

    def test_it_takes_the_arguments_that_it_declares(self) -> None:
        """An argument without a default is in every example, and no other is."""
        for example in self.examples:
            given = {*self.provider.defaults, *example.arguments}
            assert given == set(self.provider.parameters), example

    def test_it_has_a_label_for_people(self) -> None:
        """It is read by people who have not seen the code."""
        assert self.provider.label.strip()
        assert self.provider.name.isidentifier()

    def test_it_pickles(self) -> None:
        """Definitions that use it run in workers."""
        again = pickle.loads(pickle.dumps(self.provider))  # noqa: S301  # what was just written
        assert again.name == self.provider.name


class _Watched(Mapping[str, Value]):
    """Fields that remember which of them were read."""

    def __init__(self, fields: Mapping[str, Value]) -> None:
        self._fields = dict(fields)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Value:
        self.read.add(name)
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
