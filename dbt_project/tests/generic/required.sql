{# None of the columns is null. `key`: columns that name the row. #}
{% test required(model, columns, key) %}
    {% for column in columns %}
    select
        '{{ column }} is missing' as reason,
        {% for name in key %}{{ name }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ model }}
    where {{ column }} is null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{% endtest %}
