with

interactions as (
    select * from {{ source('journeys', 'interactions') }}
),

final as (
    select
        stage,
        factor,
        odds_ratio,
        p05 as odds_ratio_p05,
        p95 as odds_ratio_p95,
        from_conversion,
        to_conversion,
        difference,
        difference_p05,
        difference_p95,
        cast(opportunities as bigint) as opportunities
    from interactions
)

select * from final
