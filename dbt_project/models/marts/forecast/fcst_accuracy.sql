with

accuracy as (
    select * from {{ source('versions', 'accuracy') }}
),

final as (
    select
        basis,
        period,
        scenario,
        lag,
        version,
        made_in,
        first_day,
        last_day,
        covers,
        level,
        key,
        series,
        not_forecast,
        statistical,
        final,
        actual,
        absolute_actual,
        error_statistical,
        error_final,
        wape_statistical,
        wape_final,
        bias_statistical,
        bias_final,
        value_added,
        measure,
        currency_code
    from accuracy
)

select * from final
