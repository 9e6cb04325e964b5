-- Stays of opportunities in a stage, counted: no person, no account, no opportunity is named.
with

opportunities as (
    select * from {{ ref('fct_opportunities') }}
),

-- How far the source was seen: an open opportunity is known to be open until then.
seen as (
    select
        greatest(
            (select max(last_day) + max(days_in_period) from {{ ref('int_calendar__bounded') }}),
            max(created_at), max(qualified_at), max(proposal_at), max(closed_at)
        ) as seen_until
    from opportunities
),

-- Spend counts on these days alone, so what it is divided by does too.
calendar as (
    select
        first_day,
        cast(last_day + days_in_period - 1 as date) as last_day
    from {{ ref('int_calendar__bounded') }}
),

-- Who was won passed every stage, also one that nobody wrote down; a clock that runs backwards
-- makes a stay of no length, and is counted.
passed as (
    select
        strftime(created_at, '%Y-%m') as cohort,
        coalesce(channel, '(no channel)') as channel,
        coalesce(
            seller_key, case when seller_id is null then '(no seller)' else '(not listed)' end
        ) as seller_key,
        case
            when developer_id is null or seller_id is null then '(not known)'
            when developer_id = seller_id then 'same seller'
            else 'developer to seller'
        end as handover,
        amount,
        is_won,
        closed_at is not null or stage in ('won', 'lost') as is_closed,
        created_at as lead_at,
        cast(created_at as date) between calendar.first_day and calendar.last_day as is_inside,
        coalesce(
            qualified_at, proposal_at, case when is_won then coalesce(closed_at, seen_until) end
        ) as qualified_at,
        coalesce(proposal_at, case when is_won then coalesce(closed_at, seen_until) end)
            as proposal_at,
        coalesce(closed_at, seen_until) as ended_at
    from opportunities
    cross join seen
    cross join calendar
),

stays as (
    select
        *,
        'lead' as stage,
        case
            when qualified_at is not null then 'moved' when is_closed then 'lost' else 'open'
        end as outcome,
        lead_at as from_time,
        coalesce(qualified_at, ended_at) as to_time,
        cast(null as timestamp) as before_time
    from passed
    union all
    select
        *,
        'qualified' as stage,
        case
            when proposal_at is not null then 'moved' when is_closed then 'lost' else 'open'
        end as outcome,
        qualified_at as from_time,
        coalesce(proposal_at, ended_at) as to_time,
        lead_at as before_time
    from passed
    where qualified_at is not null
    union all
    select
        *,
        'proposal' as stage,
        case when is_won then 'moved' when is_closed then 'lost' else 'open' end as outcome,
        proposal_at as from_time,
        ended_at as to_time,
        qualified_at as before_time
    from passed
    where proposal_at is not null
),

timed as (
    select
        *,
        greatest(0, date_diff('second', from_time, to_time) // 86400) as days,
        greatest(0, date_diff('second', before_time, from_time) // 86400) as days_before,
        to_time < from_time as is_backwards
    from stays
),

final as (
    select
        cohort,
        channel,
        seller_key,
        handover,
        stage,
        outcome,
        days,
        case when before_time is not null then days_before end as days_before,
        count(*) as opportunities,
        cast(coalesce(sum(amount), 0) as decimal(18, 2)) as amount,
        count(*) - count(amount) as without_amount,
        count(*) filter (where is_backwards) as backwards,
        count(*) filter (where is_inside) as inside
    from timed
    group by
        cohort,
        channel,
        seller_key,
        handover,
        stage,
        outcome,
        days,
        case when before_time is not null then days_before end
)

select * from final
