-- Whatever the funnel is compared by, its members hold every opportunity and every amount.
with

sums as (
    select
        compared_by,
        stage,
        sum(entered) as entered,
        sum(moved_on) + sum(lost) + sum(still_open) as ended,
        sum(amount) as amount,
        sum(moved_amount) + sum(lost_amount) + sum(open_amount) as ended_amount
    from {{ ref('funnel_stages') }}
    group by compared_by, stage
),

stays as (
    select
        stage,
        sum(opportunities) as opportunities,
        sum(amount) as amount
    from {{ source('release', 'stages') }}
    group by stage
)

select
    'members hold ' || coalesce(cast(sums.entered as varchar), 'none') || ' opportunities of '
    || coalesce(cast(sums.amount as varchar), 'nothing') || ', and the stage '
    || stays.opportunities || ' of ' || stays.amount as reason,
    sums.compared_by,
    stays.stage
from stays
left join sums
    on stays.stage = sums.stage
where
    sums.entered is distinct from stays.opportunities
    or sums.ended is distinct from stays.opportunities
    or sums.amount is distinct from stays.amount
    or sums.ended_amount is distinct from stays.amount
order by stays.stage, sums.compared_by
