{# No value below zero. `key`: columns that name the row. #}
{% test not_negative(model, column_name, key=[]) %}
    select
        '{{ column_name }} is ' || cast({{ column_name }} as varchar)
        || ', expected zero or more' as reason,
        {% for column in key %}{{ column }}, {% endfor -%}
        {{ column_name }}
    from {{ model }}
    where {{ column_name }} < 0
{% endtest %}
