with

territories as (
    select * from {{ source('raw', 'territories') }}
),

final as (
    select
        territory_id,
        territory_name,
        parent_id,
        country_code,
        currency_code,
        population,
        time_zone,
        valid_from,
        valid_to,
        _source,
        _file_hash,
        _row_number
    from territories
)

select * from final
