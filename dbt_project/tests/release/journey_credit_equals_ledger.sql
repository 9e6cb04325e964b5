-- Each rule shares out the whole ledger of the company, by channel and by campaign, to the cent.
with

ledger as (
    select coalesce(sum(net_revenue), 0) as net_revenue from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

credit as (
    select
        grain,
        rule,
        sum(value) as value
    from {{ ref('release_journey_credit') }}
    where conversion_kind in ('sale', 'order', 'won')
    group by grain, rule
)

select
    'journeys are credited ' || cast(credit.value as varchar) || ' and the ledger holds '
    || cast(ledger.net_revenue as varchar) as reason,
    credit.grain,
    credit.rule
from credit
cross join ledger
where credit.value <> ledger.net_revenue
order by credit.grain, credit.rule
