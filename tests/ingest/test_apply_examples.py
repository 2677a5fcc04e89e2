"""The examples read data of the form that their README names."""

import shutil
from pathlib import Path

import pytest

from funnelflow.ingest.file_options import FileOptions
from funnelflow.ingest.mapping_files import read_mapping
from funnelflow.workspace.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
LEADS = (
    "mql_id,first_contact_date,landing_page_id,origin\n"
    "m1,2018-02-01,p1,social\n"
    "m2,2018-02-03,p1,\n"
    "m3,2018-02-04,p2,paid_search\n"
)
DEALS = (
    "mql_id,seller_id,sdr_id,sr_id,won_date,business_segment,lead_type,lead_behaviour_profile,"
    "has_company,has_gtin,average_stock,business_type,declared_product_catalog_size,"
    "declared_monthly_revenue\n"
    "m1,s1,d1,r1,2018-02-26 19:58:54,pet,online_medium,cat,,,,reseller,,0.0\n"
    "m2,s2,d1,r1,2018-02-01 10:00:00,toys,,,True,False,1-5,reseller,12.0,100.5\n"
)
STORY = ["A_SUBMITTED", "A_PARTLYSUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "A_FINALIZED"]
ENDS = {
    "1": "A_APPROVED A_REGISTERED A_ACTIVATED",
    "2": "A_ACTIVATED A_REGISTERED A_APPROVED",
    "3": "A_ACTIVATED A_APPROVED",
    "4": "A_DECLINED",
    "5": "A_CANCELLED",
}


@pytest.fixture
def example(tmp_path):
    """Give what makes a workspace of an example."""

    def make(name):
        shutil.copytree(EXAMPLES / name, tmp_path / name)
        return Workspace.create(tmp_path / name, name)

    return make


def apply(workspace, name, mapping, content):
    """Apply some rows and give the summary."""
    directory = workspace.config.directory
    (directory / name).write_text(content)
    options = FileOptions(mapping=read_mapping(directory / mapping))
    return workspace.apply(str(directory / name), options)


@pytest.mark.parametrize("order", [("leads", "deals"), ("deals", "leads")])
def test_the_tables_of_olist_make_leads_and_sellers_in_any_order(example, order):
    with example("olist") as workspace:
        for table in order:
            content = LEADS if table == "leads" else DEALS
            summary = apply(workspace, f"{table}.csv", f"{table}.toml", content)
            assert (summary.counts.rejected, summary.ignored) == (0, ())
        assert workspace.counts() == {"stranger": 0, "lead": 1, "seller": 2}
        fields = workspace.contact("m2").contact.fields
        assert (fields["has_gtin"], fields["declared_monthly_revenue"]) == (False, 100.5)
        assert "r1" in [row.actor for row in workspace.history("m1").rows]


def test_a_file_of_events_says_the_same(example):
    rows = (
        "entity_id,event,at,actor,facts\n"
        'm1,form_submitted,2018-02-01,,"{""source"": ""social""}"\n'
        'm1,deal_won,2018-01-30 10:00:00,r1,"{""declared_monthly_revenue"": ""0.0""}"\n'
    )
    with example("olist") as workspace:
        assert apply(workspace, "events.csv", "events.toml", rows).counts.rejected == 0
        assert workspace.contact("m1").contact.stage == "seller"
        assert workspace.contact("m1").contact.fields["declared_monthly_revenue"] == 0.0


def test_the_log_of_the_bank_ends_in_its_stages(example):
    lines = ["concept:name,org:resource,time:timestamp,case:concept:name,case:AMOUNT_REQ"]
    for case, end in ENDS.items():
        names = [*STORY, *end.split()]
        lines += [f"{n},112,2011-10-01 00:38:44.546000+02:00,{case},20000" for n in names]
    with example("bank") as workspace:
        summary = apply(workspace, "log.csv", "log.toml", "\n".join(lines))
        assert (summary.counts.rejected, summary.counts.created) == (0, 5)
        counts = workspace.counts()
        assert {stage: n for stage, n in counts.items() if n} == {
            "loan": 2, "application.approving": 1, "declined": 1, "cancelled": 1,
        }  # fmt: skip
        assert workspace.contact("1").contact.fields["amount_requested"] == 20000
