with

curves as (
    select * from {{ source('mix', 'curves') }}
),

final as (
    select
        kind,
        driver,
        multiplier,
        cast(spend as double) as spend,
        cast(contribution as double) as contribution,
        p05,
        p95,
        {{ reporting_currency() }} as currency_code
    from curves
)

select * from final
