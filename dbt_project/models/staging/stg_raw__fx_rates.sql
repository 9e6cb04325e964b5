with

fx_rates as (
    select * from {{ source('raw', 'fx_rates') }}
),

final as (
    select
        date_day,
        from_currency,
        to_currency,
        kind,
        rate,
        _source,
        _file_hash,
        _row_number
    from fx_rates
)

select * from final
