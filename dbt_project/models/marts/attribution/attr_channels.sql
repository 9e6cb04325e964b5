with

{{ journeys_with_spend('channel') }},

final as (
    select
        priced_by.name as channel,
        priced_by.rule,
        {{ journeys_figures() }}
    from priced_by
)

select * from final
