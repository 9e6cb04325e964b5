with

campaigns as (
    select * from {{ source('raw', 'campaigns') }}
),

final as (
    select
        campaign_id,
        campaign_name,
        platform,
        channel,
        objective,
        starts_on,
        ends_on,
        _source,
        _file_hash,
        _row_number
    from campaigns
)

select * from final
