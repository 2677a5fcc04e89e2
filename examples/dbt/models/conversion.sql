-- Of those who ever entered a stage, how many entered another one later, and how long a stay took.
-- A contact counts once for a stage, however often it came back.
with first_entries as (
    select contact, stage, min(entered) as entered
    from {{ ref('stage_intervals') }}
    group by contact, stage
),

stages as (
    select stage, count(distinct contact) as entered, median(days) as median_days
    from {{ ref('stage_intervals') }}
    group by stage
)

select
    stages.stage,
    later.stage as next_stage,
    stages.entered,
    count(*) as went_on,
    stages.median_days
from stages
inner join first_entries as first on stages.stage = first.stage
inner join first_entries as later on first.contact = later.contact and later.entered > first.entered
group by all
