{# Every amount that is not zero could be converted. #}
{% test fx_rate_known(model, amounts, date='date_day') %}
    select
        'no average rate ' || landed_currency || ' to ' || {{ reporting_currency() }} || ' on or before '
        || cast({{ date }} as varchar) || ' (below a million); land it in fx_rates' as reason,
        landed_currency as currency_code,
        {{ date }} as date_day,
        count(*) as rows_found
    from {{ model }}
    where
        fx_rate is null
        and ({% for amount in amounts %}{{ amount }} <> 0{% if not loop.last %} or {% endif %}{% endfor %})
    group by landed_currency, {{ date }}
    order by 2, 3
{% endtest %}
