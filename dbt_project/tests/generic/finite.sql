{# No NaN and no infinity; null passes (a return on no spend is unknown, not infinite). #}
{% test finite(model, column_name, key=[]) %}
    select
        '{{ column_name }} is ' || cast({{ column_name }} as varchar)
        || ', expected a finite number or null' as reason,
        {% for column in key %}{{ column }}, {% endfor -%}
        {{ column_name }}
    from {{ model }}
    where not isfinite(cast({{ column_name }} as double))
{% endtest %}
