with

territories as (
    select * from {{ ref('stg_raw__territories') }}
    where is_current
),

leaves as (
    select * from {{ ref('int_territories__leaved') }}
),

-- A region that names no country lies in the country of its nearest parent that does.
countries as (
    select
        leaves.leaf_id,
        arg_min(territories.country_code, leaves.depth)
        filter (where territories.country_code is not null) as country_code
    from leaves
    inner join territories
        on leaves.territory_id = territories.territory_id
    group by leaves.leaf_id
),

final as (
    select
        territories.territory_id,
        territories.territory_name,
        countries.country_code,
        territories.population
    from territories
    inner join countries
        on territories.territory_id = countries.leaf_id
)

select * from final
