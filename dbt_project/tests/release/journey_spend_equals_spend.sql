-- Money is in the table of spend by channel and campaign whatever came of it, and so are claims.
with

kept as (
    select
        sum(spend) + sum(spend_outside) as spend,
        sum(claimed_conversions) as claimed
    from {{ ref('release_journey_spend') }}
),

spent as (
    select sum(spend) as spend from {{ ref('fct_spend') }}
),

calendar as (
    select
        first_day,
        cast(last_day + days_in_period - 1 as date) as last_day
    from {{ ref('int_calendar__bounded') }}
),

claims as (
    select sum(ad_spend.conversions) as claimed
    from {{ ref('stg_raw__ad_spend') }} as ad_spend
    inner join calendar
        on ad_spend.date_day between calendar.first_day and calendar.last_day
)

select
    'channels hold spend of ' || coalesce(cast(kept.spend as varchar), 'nothing') || ' of '
    || coalesce(cast(spent.spend as varchar), 'nothing') || ', claims of '
    || coalesce(cast(kept.claimed as varchar), 'nothing') || ' of '
    || coalesce(cast(claims.claimed as varchar), 'nothing') as reason
from kept
cross join spent
cross join claims
where
    coalesce(kept.spend, 0) <> coalesce(spent.spend, 0)
    or abs(coalesce(kept.claimed, 0) - coalesce(claims.claimed, 0)) > 0.000001
