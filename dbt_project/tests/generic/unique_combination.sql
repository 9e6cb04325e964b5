{# One row for each combination of columns. `trace`: columns that tell where the rows came from.
   Nulls are equal to each other: an order without a campaign is one key. #}
{% test unique_combination(model, columns, trace=[]) %}
    select
        count(*) || ' rows share one key ({{ columns | join(", ") }}); keep one of them'
        {%- for column in trace %}
            || '{{ "; " ~ column ~ " " }}'
            || coalesce(string_agg(cast({{ column }} as varchar), ', ' order by {{ column }}), '')
        {%- endfor %} as reason,
        {{ columns | join(', ') }},
        count(*) as rows_found
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
    order by {{ columns | join(', ') }}
{% endtest %}
