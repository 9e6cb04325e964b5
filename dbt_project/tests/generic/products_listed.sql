{# Products are sold and none is listed: their brand and category are unknown. #}
{% test products_listed(model, column_name, to) %}
    select
        'no products are landed, so brand and category of ''' || {{ column_name }}
        || ''' are unknown' as reason,
        {{ column_name }} as product_id,
        sum(lines) as rows_found
    from {{ model }}
    where
        named_by = 'product_id'
        and (select count(*) from {{ to }}) = 0
    group by {{ column_name }}
    order by 2
{% endtest %}
