{# Columns of a row in ascending order (the quantiles of an interval); nulls are left out. #}
{% test ascending(model, columns, key=[]) %}
    {% for lower in columns[:-1] %}
        {%- set upper = columns[loop.index] %}
    select
        '{{ lower }} ' || cast({{ lower }} as varchar) || ' is above {{ upper }} '
        || cast({{ upper }} as varchar) as reason,
        {% for column in key %}{{ column }}{% if not loop.last %}, {% endif %}{% endfor %}
    from {{ model }}
    where {{ lower }} > {{ upper }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
{% endtest %}
