{# Values between min_value and max_value (both allowed, either may be left out); null passes. #}
{% test accepted_range(model, column_name, min_value=none, max_value=none, key=[]) %}
    select
        '{{ column_name }} is ' || cast({{ column_name }} as varchar) || ', expected '
        || '{{ min_value if min_value is not none else "any" }}'
        || ' to {{ max_value if max_value is not none else "any" }}' as reason,
        {% for column in key %}{{ column }}, {% endfor -%}
        {{ column_name }}
    from {{ model }}
    where
        false
        {% if min_value is not none %}or {{ column_name }} < {{ min_value }}{% endif %}
        {% if max_value is not none %}or {{ column_name }} > {{ max_value }}{% endif %}
{% endtest %}
