-- Spend of each kind equals what staging holds inside the calendar: ad spend by day (in a weekly
-- lake in total); promotions, publicity and fees of agencies, which are spread over days, in total.
with

ad_spend as (
    select * from {{ ref('stg_raw__ad_spend') }}
),

promotions as (
    select * from {{ ref('stg_raw__promotions') }}
),

publicity as (
    select * from {{ ref('stg_raw__publicity') }}
),

drivers as (
    select * from {{ ref('release_drivers') }}
),

bounds as (
    select
        *,
        last_day + days_in_period - 1 as last_calendar_day
    from {{ ref('int_calendar__bounded') }}
),

dated_costs as (
    select
        'promotion' as kind,
        promotions.cost,
        promotions.starts_on as first_date,
        {{ promotion_end('promotions', 'bounds.last_day') }} - promotions.starts_on + 1 as days
    from promotions
    cross join bounds
    union all
    select
        'publicity' as kind,
        cost,
        date_day as first_date,
        {{ days_of('grain') }} as days
    from publicity
),

-- Days of each cost before the calendar begins and until it ends, without listing the days.
clipped as (
    select
        dated_costs.kind,
        cast(dated_costs.cost * 100 as hugeint) as cents,
        dated_costs.days,
        least(greatest(bounds.first_day - dated_costs.first_date, 0), dated_costs.days)
            as days_before,
        least(greatest(bounds.last_calendar_day - dated_costs.first_date + 1, 0), dated_costs.days)
            as days_until
    from dated_costs
    cross join bounds
),

staged as (
    select
        'advertising' as kind,
        case when bounds.grain = 'day' then ad_spend.date_day end as date_day,
        sum(ad_spend.spend) as spend
    from ad_spend
    inner join bounds
        on ad_spend.date_day between bounds.first_day and bounds.last_calendar_day
    group by all
    union all
    select
        kind,
        null as date_day,
        sum(cents * days_until // days - cents * days_before // days) * 0.01 as spend
    from clipped
    group by kind
    union all
    select
        'agency' as kind,
        null as date_day,
        sum(fees.spend) as spend
    from {{ ref('int_fees__spread') }} as fees
    inner join bounds
        on fees.date_day between bounds.first_day and bounds.last_calendar_day
    where fees.spend_kind = 'agency'
),

released as (
    select
        case when drivers.kind in ('media', 'organic') then 'advertising' else drivers.kind end
            as kind,
        case
            when drivers.kind in ('media', 'organic') and bounds.grain = 'day'
                then drivers.date_day
        end as date_day,
        sum(drivers.spend) as spend
    from drivers
    cross join bounds
    group by all
)

select
    'the release holds ' || cast(coalesce(released.spend, 0) as varchar)
    || ' and staging ' || cast(coalesce(staged.spend, 0) as varchar) as reason,
    coalesce(staged.kind, released.kind) as kind,
    coalesce(staged.date_day, released.date_day) as date_day,
    {{ reporting_currency() }} as currency_code
from staged
full join released
    on staged.kind = released.kind
    and staged.date_day is not distinct from released.date_day
where coalesce(staged.spend, 0) <> coalesce(released.spend, 0)
order by kind, date_day
