{# The model lists keys that stand more than once, with their number of rows; it must be empty. #}
{% test none_repeated(model, column_name, key) %}
    select
        rows_found || ' rows share one {{ column_name }}; keep one of them' as reason,
        {{ key | join(', ') }},
        rows_found
    from {{ model }}
    order by {{ key | join(', ') }}
{% endtest %}
