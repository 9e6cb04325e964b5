with

versions as (
    select * from {{ source('versions', 'versions') }}
),

final as (
    select
        version,
        as_of,
        fiscal_period,
        scenario,
        code_version,
        data_hash,
        state,
        superseded_by,
        submitted_by,
        submitted_at,
        approved_by,
        approved_at,
        locked_by,
        locked_at,
        period,
        period_starts_on,
        territory_id,
        product_id,
        measure,
        statistical,
        override,
        final,
        currency_code
    from versions
)

select * from final
