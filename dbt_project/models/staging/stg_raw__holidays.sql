with

holidays as (
    select * from {{ source('raw', 'holidays') }}
),

final as (
    select
        date_day,
        holiday,
        country_code,
        _source,
        _file_hash,
        _row_number
    from holidays
)

select * from final
