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
        coalesce(touchpoints.campaign_id, '(no campaign) ' || touchpoints.channel) as campaign,
        coalesce(touchpoints.territory_id, '(no territory)') as territory,
        case
            when touchpoints.account_id is not null then 'counted'
            when bots.unit_id is not null then 'machine'
            when touchpoints.person_id is null then 'nobody'
            else 'counted'
        end as treatment,
        count(*) as touches
    from touchpoints
    left join bots
        on touchpoints.person_id = bots.unit_id
        and bots.unit_kind = 'person'
    group by all
),

final as (
    {% for grain in ['channel', 'campaign', 'territory'] %}
    select
        '{{ grain }}' as grain,
        {{ grain }} as name,
        treatment,
        cast(sum(touches) as bigint) as touches
    from named
    group by {{ grain }}, treatment
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
