{{ config(severity='warn') }}
-- Spend before the first or after the last sale explains no sale and is left out of the drivers.
with

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

bounds as (
    select
        *,
        last_day + days_in_period - 1 as last_calendar_day
    from {{ ref('int_calendar__bounded') }}
)

select
    'ad spend of ' || cast(sum(ad_spend.spend) as varchar) || ' ' || bounds.currency_code
    || ' lies outside the ledger''s dates ' || cast(bounds.first_day as varchar) || ' to '
    || cast(bounds.last_calendar_day as varchar) || ' and is left out' as reason,
    ad_spend.channel,
    min(ad_spend.date_day) as first_date,
    max(ad_spend.date_day) as last_date,
    count(*) as rows_found
from ad_spend
inner join bounds
    on ad_spend.date_day not between bounds.first_day and bounds.last_calendar_day
where ad_spend.spend <> 0
group by
    ad_spend.channel,
    bounds.currency_code,
    bounds.first_day,
    bounds.last_calendar_day
order by ad_spend.channel
