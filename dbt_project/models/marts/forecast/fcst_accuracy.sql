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
        naive,
        error_naive,
        statistical,
        final,
        actual,
        absolute_actual,
        error_statistical,
        error_final,
        cells,
        inside_80,
        inside_95,
        quantile_loss,
        absolute_judged,
        wape_naive,
        wape_statistical,
        wape_final,
        added_by_model,
        added_by_override,
        bias_statistical,
        bias_final,
        coverage_80,
        coverage_95,
        wql,
        measure,
        currency_code
    from accuracy
)

select * from final
