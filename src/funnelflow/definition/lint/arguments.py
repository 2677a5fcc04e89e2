"""The arguments with which a definition calls a plugin's criterion."""

from collections.abc import Mapping
from typing import Any

from funnelflow.criteria import Field
from funnelflow.definition.lint.sites import Site
from funnelflow.definition.problems import Problems, did_you_mean
from funnelflow.definition.providers import CriterionProvider
from funnelflow.definition.records import Criterion
from funnelflow.errors import FieldError

__all__ = ["arguments_of"]


def arguments_of(
    criterion: Criterion, provider: CriterionProvider, site: Site, problems: Problems
) -> Mapping[str, Any]:
    """Give the arguments of a criterion as values of their types, defaults filled in.

    Args:
        criterion: The criterion, whose `function` is the provider's.
        provider: What takes the arguments.
        site: Where the criterion stands.
        problems: Where unknown, missing and unfitting arguments are reported.
    """
    here = Site(criterion.position or site.position, f"{site.about}, {provider.name}")
    found: dict[str, Any] = dict(provider.defaults)
    for name, raw in criterion.arguments.items():
        if name in provider.parameters:
            found[name] = _value(name, raw, provider, here.part(name), problems)
            continue
        message = f"{provider.name!r} takes no argument {name!r}"
        known = did_you_mean(name, provider.parameters, kind="argument")
        problems.add("F211", here.part(name).key(), message, known)
    for name in provider.parameters.keys() - found.keys():
        problems.add("F211", here.span(), f"{provider.name!r} needs the argument {name!r}")
    return found


def _value(name: str, raw: Any, provider: CriterionProvider, site: Site, problems: Problems) -> Any:
    try:
        return Field(name, provider.parameters[name]).normalise(raw)
    except FieldError as error:
        problems.add("F211", site.span(), error.message, error.hint)
        return None
