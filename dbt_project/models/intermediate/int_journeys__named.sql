-- What paths call their touches, by grain; numbered, so that a path of a million persons is a list
-- of small numbers.
with

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
),

named as (
    select distinct
        channel,
        campaign_id,
        territory_id
    from touchpoints
),

final as (
    select
        cast(
            row_number() over (order by channel, campaign_id, territory_id) - 1 as integer
        ) as code,
        channel,
        campaign_id,
        territory_id,
        coalesce(campaign_id, '(no campaign) ' || channel) as campaign,
        coalesce(territory_id, '(no territory)') as territory
    from named
)

select * from final
