"""Codes of what only the whole shows, of scenarios and of extending: F4 to F6."""

from funnelflow.definition.codes.code import error, warning

__all__ = ["EXTENDING", "GRAPH", "PROMISES", "SCENARIOS"]

GRAPH = (
    error(
        "F401",
        "there are no stages",
        "A definition needs at least one stage, under `stages`: the places a contact can be in.",
    ),
    error(
        "F402",
        "no stage to begin in",
        "`initial` names the stage in which a contact starts. It is one of the stages of the file.",
    ),
    warning(
        "F403",
        "a stage that nothing leads to",
        "No chain of transitions from the initial stage arrives here, so no contact will, except "
        "by a forced move. Add a transition, or remove the stage.",
    ),
    warning(
        "F404",
        "a trap",
        "The stage is open and no transition leaves it: a contact that arrives stays for ever. "
        "Give it `type: won` or `type: lost` if it is an end, or a transition onwards.",
    ),
    warning(
        "F405",
        "a transition that is never taken",
        "An earlier transition leaves the same stage on the same event and asks for nothing more, "
        "so it is always taken first. Put the one with more criteria first, or remove one.",
    ),
    warning(
        "F406",
        "automatic transitions go in a circle",
        "Each of these transitions is taken as soon as its criteria hold, and they lead back to "
        "where they began. A contact that meets all of them would go round; the engine stops it "
        "after each stage was visited once. Give one of them an event, or criteria that exclude "
        "each other.",
    ),
    warning(
        "F407",
        "waiting goes in a circle",
        "These transitions are taken by time alone and lead back to where they began, so an idle "
        "contact goes round for ever and its history never ends. Let an event close the circle.",
    ),
    warning(
        "F408",
        "a closed stage that is left by accident",
        "A stage of type won or lost is left without anybody meaning to: by an automatic or timed "
        "transition, or by one that names only an outer stage. To take contacts back on purpose, "
        "name the stage in `from` and an event in `on`.",
    ),
    warning(
        "F409",
        "two stages that nothing tells apart",
        "Both stages are entered and left in the same ways under the same criteria, so which of "
        "them a contact is in says nothing. Merge them, or write down what the difference is.",
    ),
    error(
        "F410",
        "nobody takes a transition that time takes",
        "`by` limits who may take a transition, but nobody acts when a wait is over, so it would "
        "never be taken. Remove `by`, or give the transition an event; where both are wanted, "
        "write two transitions.",
    ),
    error(
        "F411",
        "a wait that is too short",
        "`after` is at least one minute. To go on at once leave out both `on` and `after`: the "
        "transition is then taken as soon as its criteria hold.",
    ),
    warning(
        "F412",
        "`since` without `after`",
        "`since` says what a wait is counted from, and this transition does not wait.",
    ),
    warning(
        "F413",
        "a stage that nobody stays in",
        "An automatic transition without criteria leaves this stage the moment it is entered. "
        "Give it a criterion, an event, or leave the stage out.",
    ),
    warning(
        "F414",
        "a transition that goes nowhere",
        "An automatic or timed transition leads back to the very stage it leaves.",
    ),
)

PROMISES = (
    warning(
        "F415",
        "the definition contradicts itself",
        "Under `always` the definition promises something about a stage, and its own transitions "
        "break the promise; the message shows the way on which they do. A way counts even if its "
        "criteria are rarely met, and a criterion counts as required only where it is written out. "
        "Forced moves are left aside. Change the transition, or do not promise it.",
    ),
)

SCENARIOS = (
    warning(
        "F501",
        "two scenarios tell the same story",
        "Scenarios run as tests under their story, so two with one story cannot be told apart.",
    ),
    error(
        "F502",
        "a scenario without an end",
        "`then` names the stage in which the story must end.",
    ),
)

EXTENDING = (
    error(
        "F601",
        "definitions extend each other in a circle",
        "Following `extends` from file to file leads back to the first. One of them must stand "
        "on its own.",
    ),
    error(
        "F602",
        "the definition that is extended has problems",
        "What this file builds on cannot be read; its own problems are listed beside this one.",
    ),
    error(
        "F603",
        "the stage is not optional",
        "Only a stage that its definition marks `optional: true` may be removed by `without`; "
        "the others are what that funnel means.",
    ),
    error(
        "F604",
        "`without` needs `extends`",
        "`without` removes stages of the definition that `extends` names, and there is none.",
    ),
    error(
        "F605",
        "the initial stage is removed",
        "`without` removes the stage in which contacts start; say in `initial` where they start "
        "instead.",
    ),
    error(
        "F606",
        "the stage is already there",
        "A file that extends another may add stages, and nested stages to those it took over, but "
        "does not declare the same stage again with another type.",
    ),
)
