with

summary as (
    select * from {{ source('mix', 'summary_classical') }}
),

final as (
    select
        kind,
        driver,
        cast(spend as decimal(18, 2)) as spend,
        cast(contribution as decimal(18, 2)) as contribution,
        contribution_p05,
        contribution_p95,
        share,
        share_p05,
        share_p95,
        roi,
        roi_p05,
        roi_p95,
        mroi,
        {{ reporting_currency() }} as currency_code
    from summary
)

select * from final
