with

territories as (
    select * from {{ source('release', 'territories') }}
),

final as (
    select
        territory_id,
        territory_name,
        country_code,
        population
    from territories
)

select * from final
