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
        {{ version_start() }} as valid_from,
        {{ version_end('territory_id') }} as valid_to,
        {{ is_last_version('territory_id') }} as is_current,
        _source,
        _file_hash,
        _row_number
    from territories
)

select * from final
