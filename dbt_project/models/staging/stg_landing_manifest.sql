with

landings as (
    select * from {{ source('lake', 'landings') }}
),

final as (
    select
        source,
        table_name,
        date_day,
        file_hash,
        previous_hash,
        rows_read,
        rows_kept,
        rows_rejected,
        landed_at,
        run_id
    from landings
    where table_name <> '_contract'
)

select * from final
