-- Every grain holds the same conversions, value and margin: all there are.
with

paths as (
    select
        conversion_kind,
        grain,
        sum(conversions) as conversions,
        sum(value) as value,
        coalesce(sum(margin), 0) as margin
    from {{ ref('attr_paths') }}
    group by conversion_kind, grain
),

conversions as (
    select
        conversion_kind,
        sum(conversions) as conversions,
        sum(value) as value,
        coalesce(sum(margin), 0) as margin
    from {{ ref('int_journeys__conversions') }}
    group by conversion_kind
)

select
    'paths hold ' || paths.conversions || ' conversions of ' || conversions.conversions
    || ' and a value of ' || paths.value || ' of ' || conversions.value as reason,
    paths.conversion_kind,
    paths.grain
from paths
inner join conversions
    on paths.conversion_kind = conversions.conversion_kind
where
    paths.conversions <> conversions.conversions
    or paths.value <> conversions.value
    or paths.margin <> conversions.margin
order by paths.conversion_kind, paths.grain
