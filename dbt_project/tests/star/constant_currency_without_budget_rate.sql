{{ config(severity='warn') }}
-- Without a budget rate, constant-currency columns hold the average rate of each row's day.
with

named as (
    select distinct landed_currency from {{ ref('int_sales__daily') }}
    union
    select distinct landed_currency from {{ ref('fct_spend') }}
),

budgeted as (
    select
        from_currency,
        max(constant_rate) as constant_rate
    from {{ ref('stg_fx_rates__dated') }}
    group by from_currency
)

select
    'no budget rate ' || named.landed_currency || ' to ' || {{ reporting_currency() }}
    || ' in the constant-currency year; its constant-currency amounts move with the average rate'
        as reason,
    named.landed_currency as currency_code
from named
left join budgeted
    on named.landed_currency = budgeted.from_currency
where
    budgeted.constant_rate is null
    and named.landed_currency <> {{ reporting_currency() }}
order by named.landed_currency
