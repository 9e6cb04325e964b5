with

mix_checks as (
    select * from {{ source('mix', 'checks') }}
),

forecast_checks as (
    select * from {{ source('forecast', 'checks') }}
),

final as (
    select
        check_name,
        subject,
        'attribute' as stage,
        severity,
        status,
        figure,
        threshold,
        text
    from mix_checks
    union all
    select
        check_name,
        subject,
        'forecast' as stage,
        severity,
        status,
        figure,
        threshold,
        text
    from forecast_checks
)

select * from final
