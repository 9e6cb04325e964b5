{# Every date of the lake's calendar stands beside every leaf territory (and, with `per`, beside
   every combination of those columns). #}
{% test complete_grid(model, dates, leaves, per=[]) %}
    with expected as (
        select
            (select count(distinct date_day) from {{ dates }}) as dates,
            (select count(distinct leaf_id) from {{ leaves }}) as territories
    ),

    found as (
        select
            {% for column in per %}{{ column }}, {% endfor -%}
            count(*) as cells
        from {{ model }}
        {% if per %}group by {{ per | join(', ') }}{% endif %}
    )

    select
        found.cells || ' cells, expected ' || expected.dates || ' dates x '
        || expected.territories || ' territories' as reason,
        {% for column in per %}found.{{ column }}, {% endfor -%}
        found.cells
    from found
    cross join expected
    where found.cells <> expected.dates * expected.territories
{% endtest %}
