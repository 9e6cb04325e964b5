with

contributions as (
    select * from {{ source('mix', 'contributions') }}
),

final as (
    select
        date_day,
        territory_id,
        kind,
        driver,
        cast(contribution as decimal(18, 2)) as contribution,
        p05,
        p95,
        {{ reporting_currency() }} as currency_code
    from contributions
)

select * from final
