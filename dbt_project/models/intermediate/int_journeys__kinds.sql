with

final as (
    {% for conversion_kind, unit_kind in [
        ('sale', 'person'), ('order', 'account'), ('lead', 'account'), ('qualified', 'account'),
        ('opportunity', 'account'), ('won', 'account'), ('lead', 'person'),
        ('qualified', 'person'), ('opportunity', 'person'), ('won', 'person'),
    ] %}
    select
        '{{ conversion_kind }}' as conversion_kind,
        '{{ unit_kind }}' as unit_kind,
        to_days({{ var('journeys_days_' ~ conversion_kind) }}) as lookback
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select * from final
