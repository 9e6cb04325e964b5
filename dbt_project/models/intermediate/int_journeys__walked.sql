-- Every distinct path by kind of conversion and grain, with what it brought and how often it ended
-- with nothing.
with

conversions as (
    select * from {{ ref('int_journeys__conversions') }}
),

acquired as (
    select * from {{ ref('int_journeys__acquired') }}
),

reached as (
    select * from {{ ref('int_journeys__reached') }}
),

missed as (
    select * from {{ ref('int_journeys__missed') }}
    where not is_open
),

journeys as (
    select
        conversions.conversion_kind,
        coalesce(reached.touches, []) as touches,
        conversions.conversions,
        conversions.value,
        conversions.margin,
        case when acquired.conversion_id is null then 0 else 1 end as customers,
        0 as nulls
    from conversions
    left join acquired
        on
            conversions.conversion_kind = acquired.conversion_kind
            and conversions.conversion_id = acquired.conversion_id
    left join reached
        on conversions.conversion_kind = reached.conversion_kind
        and conversions.unit_kind = reached.unit_kind
        and conversions.unit_id = reached.unit_id
        and conversions.converted_at = reached.converted_at
),

{% for grain in ['channel', 'campaign', 'territory'] %}
by_{{ grain }} as (
    select
        conversion_kind,
        '{{ grain }}' as grain,
        list_transform(touches, lambda t: t.{{ grain }}) as path,
        conversions,
        value,
        margin,
        customers,
        nulls
    from ({{ journeys_credited_paths('journeys', grain) }})
    union all
    select
        conversion_kind,
        '{{ grain }}' as grain,
        list_transform(touches, lambda t: t.{{ grain }}) as path,
        0 as conversions,
        0 as value,
        0 as margin,
        0 as customers,
        journeys as nulls
    from ({{ journeys_credited_paths('missed', grain) }})
),
{% endfor %}

walked as (
    select * from by_channel
    union all
    select * from by_campaign
    union all
    select * from by_territory
),

final as (
    select
        conversion_kind,
        grain,
        path,
        cast(sum(conversions) as bigint) as conversions,
        cast(sum(value) as decimal(18, 2)) as value,
        cast(sum(margin) as decimal(18, 2)) as margin,
        cast(sum(customers) as bigint) as customers,
        cast(sum(nulls) as bigint) as nulls
    from walked
    group by conversion_kind, grain, path
)

select * from final
