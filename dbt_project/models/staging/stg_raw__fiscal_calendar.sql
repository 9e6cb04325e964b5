with

fiscal_calendar as (
    select * from {{ source('raw', 'fiscal_calendar') }}
),

final as (
    select
        date_day,
        calendar_id,
        fiscal_year,
        fiscal_quarter,
        fiscal_period,
        fiscal_week,
        period_status,
        _source,
        _file_hash,
        _row_number
    from fiscal_calendar
)

select * from final
