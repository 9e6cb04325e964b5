-- Each line of the summary is the sum of its contributions, and each driver has its line.
with

summary as (
    select * from {{ ref('attr_summary') }}
),

contributions as (
    select
        kind,
        driver,
        sum(contribution) as contribution
    from {{ ref('attr_contributions') }}
    group by kind, driver
)

select
    'the summary holds ' || coalesce(cast(summary.contribution as varchar), 'no such line')
    || ' and the contributions sum to '
    || coalesce(cast(contributions.contribution as varchar), 'no such driver') as reason,
    coalesce(summary.kind, contributions.kind) as kind,
    coalesce(summary.driver, contributions.driver) as driver
from summary
full join contributions
    on summary.kind = contributions.kind
    and summary.driver = contributions.driver
where
    summary.contribution is distinct from contributions.contribution
    -- Which of the undriven parts (baseline, season, residual) get a line is the engine's choice.
    and not (
        summary.kind is null
        and contributions.kind not in (
            'media', 'organic', 'promotion', 'price', 'publicity', 'seller', 'agency'
        )
    )
order by kind, driver
