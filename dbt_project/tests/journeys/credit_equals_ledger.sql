-- Attributed and unattributed together are the ledger's net revenue, to the cent, by every rule.
{%- set rules = [
    'first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'w_shaped', 'shapley'
] %}
with

credit as (
    select * from {{ ref('attr_touch_credit') }}
),

ledger as (
    select cast(coalesce(sum(net_revenue), 0) as decimal(38, 2)) as net_revenue
    from {{ ref('int_sales__daily') }}
    where booked_by = 'company'
),

credited as (
    {% for rule in rules %}
    select
        '{{ rule }}' as rule,
        cast(coalesce(sum(value_{{ rule }}), 0) as decimal(38, 2)) as net_revenue
    from credit
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    'credit is ' || credited.net_revenue || ' and the ledger ' || ledger.net_revenue as reason,
    credited.rule
from credited
cross join ledger
where credited.net_revenue <> ledger.net_revenue
order by credited.rule
