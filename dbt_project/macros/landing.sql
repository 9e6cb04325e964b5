{# Newest landing of a raw table, for `dbt source freshness`. A table that never landed is not
   late: it may not be in use, and a missing file is ingestion's message to give. #}
{% macro newest_landing(table_name) -%}
    select coalesce(max(landings.landed_at), now()) as max_loaded_at
    from {{ source('lake', 'landings') }} as landings
    where landings.table_name = '{{ table_name }}'
{%- endmacro %}
