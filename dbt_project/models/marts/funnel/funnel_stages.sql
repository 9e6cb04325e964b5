{%- set columns = {
    'all': "'all'", 'cohort': 'cohort', 'channel': 'channel', 'seller': 'seller_key',
    'handover': 'handover',
} %}
with

stays as (
    select * from {{ source('release', 'stages') }}
),

estimates as (
    select * from {{ source('journeys', 'funnel') }}
),

spend as (
    select * from {{ source('release', 'journey_spend') }}
),

counted as (
    {% for by, column in columns.items() %}
    select
        '{{ by }}' as compared_by,
        {{ column }} as member,
        stage,
        cast(sum(opportunities) as bigint) as entered,
        cast(coalesce(sum(opportunities) filter (outcome = 'moved'), 0) as bigint) as moved_on,
        cast(coalesce(sum(opportunities) filter (outcome = 'lost'), 0) as bigint) as lost,
        cast(coalesce(sum(opportunities) filter (outcome = 'open'), 0) as bigint) as still_open,
        cast(sum(amount) as decimal(18, 2)) as amount,
        cast(coalesce(sum(amount) filter (outcome = 'moved'), 0) as decimal(18, 2)) as moved_amount,
        cast(coalesce(sum(amount) filter (outcome = 'lost'), 0) as decimal(18, 2)) as lost_amount,
        cast(coalesce(sum(amount) filter (outcome = 'open'), 0) as decimal(18, 2)) as open_amount,
        cast(sum(without_amount) as bigint) as without_amount,
        sum(inside) as inside
    from stays
    group by {{ column ~ ', ' if by != 'all' }}stage
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- What sellers cost is not landed, so only the whole, a month and a channel have spend.
spent as (
    select
        'all' as compared_by,
        'all' as member,
        sum(spend) as spend
    from spend
    union all
    select
        'cohort' as compared_by,
        month as member,
        sum(spend) as spend
    from spend
    group by month
    union all
    select
        'channel' as compared_by,
        channel as member,
        sum(spend) as spend
    from spend
    group by channel
),

final as (
    select
        counted.compared_by,
        counted.member,
        counted.stage,
        counted.entered,
        counted.moved_on,
        counted.lost,
        counted.still_open,
        counted.amount,
        counted.moved_amount,
        counted.lost_amount,
        counted.open_amount,
        counted.without_amount,
        counted.lost / nullif(
            sum(counted.lost) over (partition by counted.compared_by, counted.member), 0
        ) as lost_share,
        cast(counted.lost_amount as double) / nullif(
            cast(
                sum(counted.lost_amount) over (
                    partition by counted.compared_by, counted.member
                ) as double
            ), 0
        ) as lost_amount_share,
        estimates.conversion,
        estimates.p05 as conversion_p05,
        estimates.p95 as conversion_p95,
        estimates.undecided,
        estimates.days_p25,
        estimates.days_median,
        estimates.days_p75,
        cast(spent.spend as decimal(18, 2)) as spend,
        case
            when spent.spend > 0 and counted.inside > 0
                then cast(spent.spend as double) / counted.inside
        end as cost_per_entry,
        {{ reporting_currency() }} as currency_code
    from counted
    left join estimates
        on counted.compared_by = estimates.compared_by
        and counted.member = estimates.member
        and counted.stage = estimates.stage
    left join spent
        on counted.compared_by = spent.compared_by
        and counted.member = spent.member
)

select * from final
