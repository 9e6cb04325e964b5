-- Touches that journeys are made of, and those that are left out, counted.
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

bots as (
    select * from {{ ref('int_journeys__bots') }}
),

named as (
    select
        touchpoints.channel,
        case
            when touchpoints.account_id is not null then 'counted'
            when bots.unit_id is not null then 'machine'
            when touchpoints.person_id is null then 'nobody'
            else 'counted'
        end as treatment
    from touchpoints
    left join bots
        on touchpoints.person_id = bots.unit_id
        and bots.unit_kind = 'person'
),

final as (
    select
        channel,
        treatment,
        count(*) as touches
    from named
    group by channel, treatment
)

select * from final
