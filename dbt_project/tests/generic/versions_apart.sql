{# Versions of one id neither overlap (`overlaps`) nor, else, leave days between them. #}
{% test versions_apart(model, column_name, overlaps=true) %}
    with followed as (
        select
            {{ column_name }},
            valid_from,
            valid_to,
            lead(valid_from) over (
                partition by {{ column_name }} order by valid_from, valid_to
            ) as next_from
        from {{ model }}
    )

    select
        {% if overlaps -%}
        'a version until ' || cast(valid_to as varchar) || ' overlaps the next, from '
        || cast(next_from as varchar) || '; correct valid_from or valid_to' as reason,
        {%- else -%}
        'no version holds between ' || cast(valid_to as varchar) || ' and '
        || cast(next_from as varchar) || '; rows of these days meet none' as reason,
        {%- endif %}
        {{ column_name }},
        valid_from,
        valid_to
    from followed
    where {{ 'valid_to >= next_from' if overlaps else 'next_from - valid_to > 1' }}
    order by {{ column_name }}, valid_from
{% endtest %}
