with

controls as (
    select * from {{ source('raw', 'controls') }}
),

final as (
    select
        date_day,
        grain,
        territory_id,
        control,
        value,
        _source,
        _file_hash,
        _row_number
    from controls
)

select * from final
