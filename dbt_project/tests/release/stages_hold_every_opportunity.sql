-- Every opportunity stays in the first stage once, with its amount.
with

stays as (
    select
        coalesce(sum(opportunities), 0) as opportunities,
        coalesce(sum(amount), 0) as amount
    from {{ ref('release_stages') }}
    where stage = 'lead'
),

opportunities as (
    select
        count(*) as opportunities,
        coalesce(sum(amount), 0) as amount
    from {{ ref('fct_opportunities') }}
)

select
    'stages hold ' || stays.opportunities || ' opportunities of ' || stays.amount
    || ', and there are ' || opportunities.opportunities || ' of ' || opportunities.amount as reason
from stays
cross join opportunities
where
    stays.opportunities <> opportunities.opportunities
    or stays.amount <> opportunities.amount
