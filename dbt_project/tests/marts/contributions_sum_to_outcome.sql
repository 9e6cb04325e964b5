-- The promise of the house: drivers, baseline and residual add up to ledger sales, to the cent,
-- in every date x territory of the release and in no other.
with

contributions as (
    select
        date_day,
        territory_id,
        sum(contribution) as contribution
    from {{ ref('attr_contributions') }}
    group by date_day, territory_id
),

outcome as (
    select * from {{ source('release', 'outcome') }}
)

select
    case
        when contributions.territory_id is null
            then 'no contributions for net revenue of ' || cast(outcome.net_revenue as varchar)
        when outcome.territory_id is null
            then
                'contributions of ' || cast(contributions.contribution as varchar)
                || ' where the release has no cell'
        else 'contributions sum to ' || cast(contributions.contribution as varchar)
            || ' and the ledger to ' || cast(outcome.net_revenue as varchar)
    end as reason,
    coalesce(contributions.date_day, outcome.date_day) as date_day,
    coalesce(contributions.territory_id, outcome.territory_id) as territory_id,
    coalesce(contributions.contribution, 0) - coalesce(outcome.net_revenue, 0) as difference
from contributions
full join outcome
    on contributions.date_day = outcome.date_day
    and contributions.territory_id = outcome.territory_id
where
    contributions.contribution is null
    or outcome.net_revenue is null
    or contributions.contribution <> outcome.net_revenue
order by date_day, territory_id
