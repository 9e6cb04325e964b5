{# Every product_id stands in the product master. With `when_listed` only if any product was
   landed; without it, only if none was. #}
{% test known_product(model, column_name, to, when_listed=true) %}
    select
        {% if when_listed -%}
        '{{ column_name }} ''' || coalesce(rows_checked.{{ column_name }}, '') || ''' is not in the '
        || 'product master; add it to products or correct the rows' as reason,
        {%- else -%}
        'no products are landed, so brand and category of ''' || rows_checked.{{ column_name }}
        || ''' are unknown' as reason,
        {%- endif %}
        rows_checked.{{ column_name }},
        count(*) as rows_found
    from {{ model }} as rows_checked
    left join {{ to }} as known
        on rows_checked.{{ column_name }} = known.product_id
    where
        known.product_id is null
        and (select count(*) from {{ to }}) {{ '> 0' if when_listed else '= 0' }}
    group by rows_checked.{{ column_name }}
    order by 2
{% endtest %}
