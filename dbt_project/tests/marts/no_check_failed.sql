-- A check of severity fail that failed stops publication; yesterday's stays.
select
    text as reason,
    stage,
    check_name,
    subject,
    figure,
    threshold
from {{ ref('attr_checks') }}
where severity = 'fail' and status = 'fail'
order by stage, check_name, subject
