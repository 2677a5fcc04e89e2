-- Evidence in the columns that funnelflow.arrow reads; the order of rows of one instant is kept.
select
    contact,
    event,
    cast("at" as timestamptz) as "at",
    row_number() over () as arrival,
    actor,
    facts,
    "to" as to_stage,
    reason
from {{ ref('raw_events') }}
