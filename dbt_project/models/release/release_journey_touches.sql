-- Touches that journeys are made of, and those that are left out, counted.
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

identified as (
    select * from {{ ref('int_journeys__identified') }}
    where unit_kind = 'person'
),

contact_bots as (
    select * from {{ ref('int_journeys__contact_bots') }}
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
            when contact_bots.unit_id is not null then 'machine'
            when touchpoints.account_id is not null then 'counted'
            when bots.unit_id is not null then 'machine'
            when touchpoints.person_id is null then 'nobody'
            else 'counted'
        end as treatment,
        count(*) as touches
    from touchpoints
    left join contact_bots
        on touchpoints.person_id = contact_bots.unit_id
    left join identified
        on touchpoints.person_id = identified.person_id
    left join bots
        on coalesce(identified.unit_id, touchpoints.person_id) = bots.unit_id
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
