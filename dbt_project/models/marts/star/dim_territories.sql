with

territories as (
    select * from {{ ref('stg_raw__territories') }}
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
    where depth = 0
),

countries as (
    select * from {{ ref('release_territories') }}
),

final as (
    select
        {{ version_key('territories.territory_id', 'territories.valid_from') }} as territory_key,
        territories.territory_id,
        territories.territory_name,
        territories.parent_id,
        coalesce(territories.country_code, countries.country_code) as country_code,
        territories.currency_code,
        territories.population,
        territories.time_zone,
        leaves.leaf_id is not null as is_leaf,
        territories.valid_from,
        territories.valid_to,
        territories.is_current
    from territories
    left join leaves
        on territories.territory_id = leaves.leaf_id
    left join countries
        on territories.territory_id = countries.territory_id
)

select * from final
