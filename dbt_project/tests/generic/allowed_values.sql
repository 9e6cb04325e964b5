{# A column holds only the values listed; null fails. #}
{% test allowed_values(model, column_name, values) %}
    select
        '{{ column_name }} is ''' || coalesce({{ column_name }}, '') || ''', expected one of '
        || '{{ values | join(", ") }}' as reason,
        {{ column_name }},
        count(*) as rows_found
    from {{ model }}
    where
        {{ column_name }} is null
        or {{ column_name }} not in ({% for value in values %}'{{ value }}'{% if not loop.last %}, {% endif %}{% endfor %})
    group by {{ column_name }}
{% endtest %}
