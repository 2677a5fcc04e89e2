"""Two words for one thing are told by `check`, however differently they are explained."""

from funnelflow.definition import LoadedFile, read_definition

TWO_WORDS = """\
funnel: two-words
vocabulary: standard
initial: contact
stages:
  contact: {}
  lead: {about: Somebody who is interested in buying.}
  prospect: {about: Somebody who is interested in becoming a customer.}
  customer: {type: won}
transitions:
  - from: contact
    to: lead
    on: [call, meeting]
    require: [Is interested in buying: contact.interested]
  - from: contact
    to: prospect
    on: [call, meeting]
    require: [Is interested in becoming a customer: contact.interested]
  - {from: [lead, prospect], to: customer, on: purchased}
"""


def codes(reading: LoadedFile) -> set[str]:
    return {problem.code for problem in reading.problems}


def test_interested_in_buying_and_in_becoming_a_customer_cannot_be_told_apart(tmp_path):
    path = tmp_path / "two-words.yaml"
    path.write_text(TWO_WORDS)
    problems = {problem.code: problem for problem in read_definition(path).problems}
    assert problems.keys() == {"F405", "F409"}
    assert problems["F409"].message == "nothing tells 'prospect' from 'lead' (line 6)"


def test_a_fact_that_only_one_of_them_needs_tells_them_apart(tmp_path):
    path = tmp_path / "two-words.yaml"
    path.write_text(
        TWO_WORDS.replace("customer: contact.interested", "customer: contact.committed")
    )
    assert codes(read_definition(path)) == set()
