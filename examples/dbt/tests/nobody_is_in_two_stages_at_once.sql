select a.contact
from {{ ref('stage_intervals') }} as a
inner join {{ ref('stage_intervals') }} as b
    on a.contact = b.contact and a.arrival < b.arrival and a.entered < b.entered
where a."left" is null or a."left" > b.entered
