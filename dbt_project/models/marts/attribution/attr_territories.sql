with

{{ journeys_with_spend('territory') }},

final as (
    select
        priced_by.name as territory,
        priced_by.rule,
        {{ journeys_figures() }}
    from priced_by
)

select * from final
