{# Materialisation `partitioned`: a table of many rows that is rebuilt day by day.

   Config `meta.partitions`:
     of: a raw table (`sales`), whose partitions are (source, day) files; or
     after: a partitioned model, whose days this one sums up;
     rates: true where money is converted, so that a day is rebuilt when its rates change.

   The compiled SQL is always that of the whole table. A partial build runs the same SQL over fewer
   rows: the glob of the raw table, or the name of the model before, is replaced by what changed.
   Which partitions stand, and what each was made of, is kept in `built.<model>`, written in the
   transaction that writes the rows. A kill leaves both as they were. What a partition is made of:
   the content hash inside its Parquet file (not the manifest, which a kill may leave a line
   behind), the rates of its day, and the compiled SQL. New SQL, or a table that does not exist,
   builds everything. #}
{% materialization partitioned, adapter='duckdb' %}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set how = config.get('meta', {}).partitions -%}
    {%- set code = local_md5(sql | replace(raw_folder(), '')) -%}
    {%- set state = 'built.' ~ this.identifier -%}
    {%- set waiting = 'built.' ~ this.identifier ~ '__waiting' -%}

    {%- if how.of -%}
        {%- set whole = "'" ~ landed_files(how.of) ~ "'" -%}
        {%- set key = ['_source', 'date_day'] -%}
    {%- else -%}
        {%- set whole = ref(how.after) | string -%}
        {%- set key = ['date_day'] -%}
    {%- endif -%}
    {%- if whole not in sql -%}
        {{ exceptions.raise_compiler_error(
            this.identifier ~ ' must read ' ~ whole ~ ', of which it is partitioned') }}
    {%- endif -%}

    {{ run_hooks(pre_hooks) }}
    {%- do run_query(
        'create or replace table ' ~ waiting ~ ' as '
        ~ (landed_partitions(how.of, how.rates, code) if how.of
           else followed_partitions(how.after, code))
    ) -%}
    {%- set whole_build = (
        existing is none or not existing.is_table or should_full_refresh() or not is_built(this)
    ) -%}
    {%- if not whole_build -%}
        {%- set changed = run_query(changed_partitions(state, waiting, key)) -%}
        {%- set standing = run_query('select count(*) from ' ~ waiting) -%}
        {# New code changes every partition; so many that one pass over everything is quicker. #}
        {%- set whole_build = changed | length * 2 > standing.rows[0][0] + 2 -%}
    {%- endif -%}

    {%- if whole_build -%}
        {%- if existing is not none and not existing.is_table -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
        {% call statement('main') %}
            create or replace table {{ target }} as (
                {{ sql }}
            );
            create or replace table {{ state }} as
            select *, true as is_rebuilt from {{ waiting }}
        {% endcall %}
    {%- else -%}
        {%- set pairs = [] -%}
        {%- set reread = [] -%}
        {%- for row in changed.rows -%}
            {%- do pairs.append(literals(row[:key | length])) -%}
            {%- if row[key | length] is not none -%}{%- do reread.append(row) -%}{%- endif -%}
        {%- endfor -%}
        {%- if how.of -%}
            {%- set files = ["'" ~ raw_folder() ~ '/' ~ how.of
                ~ "/source=_contract/date_day=all/part.parquet'"] -%}
            {%- for row in reread -%}
                {%- do files.append("'" ~ (row[3] | replace("'", "''")) ~ "'") -%}
            {%- endfor -%}
            {%- set part = '[' ~ files | join(', ') ~ ']' -%}
        {%- else -%}
            {%- set days = [] -%}
            {%- for row in reread -%}
                {%- do days.append("date '" ~ row[0] ~ "'") -%}
            {%- endfor -%}
            {%- set part = '(select * from ' ~ whole ~ ' where '
                ~ ('date_day in (' ~ days | join(', ') ~ ')' if days else 'false') ~ ')' -%}
        {%- endif -%}
        {% call statement('main') %}
            {% if pairs %}
            delete from {{ target }}
            where ({{ key | join(', ') }}) in (
                {%- for pair in pairs %}{{ pair }}{{ ', ' if not loop.last }}{% endfor -%}
            );
            {% endif %}
            {% if reread %}
            insert into {{ target }} by name (
                {{ sql | replace(whole, part) }}
            );
            {% endif %}
            create or replace table {{ state }} as
            select
                waiting.*,
                before.made_of is distinct from waiting.made_of as is_rebuilt
            from {{ waiting }} as waiting
            left join {{ state }} as before
                using ({{ key | join(', ') }})
        {% endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {%- do run_query('drop table if exists ' ~ waiting) -%}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# Whether it is kept which partitions a model holds. #}
{% macro is_built(model) -%}
    {{ return(run_query(
        "select 1 from duckdb_tables() where schema_name = 'built' and table_name = '"
        ~ model.identifier ~ "'"
    ) | length > 0) }}
{%- endmacro %}


{# Where dbt reads landed files, as _sources.yml has it. #}
{% macro raw_folder() -%}
    {{- env_var('LIFTCAST_RAW', env_var('LIFTCAST_LAKE') ~ '/raw') -}}
{%- endmacro %}

{% macro landed_files(table_name) -%}
    {{- raw_folder() }}/{{ table_name }}/*/*/part.parquet
{%- endmacro %}


{# `(text, date)` of a partition as SQL. #}
{% macro literals(values) -%}
    (
    {%- for value in values -%}
        {%- if loop.last -%}date '{{ value }}'{%- else -%}'{{ value | replace("'", "''") }}', {% endif -%}
    {%- endfor -%}
    )
{%- endmacro %}


{# Files of a raw table as they lie in the lake, and what each is made of. A file without a content
   hash (written by hand) is known by its size and time. #}
{% macro landed_partitions(table_name, rates, code) %}
    {%- set files = landed_files(table_name) -%}
    with hashes as (
        select
            file_name as filename,
            decode(value) as content_hash
        from parquet_kv_metadata('{{ files }}')
        where decode(key) = 'liftcast.content_hash'
    ),

    stamps as (
        select
            filename,
            size || '-' || epoch_us(last_modified) as stamp
        from read_blob('{{ files }}')
    ),

    partitions as (
        select
            regexp_extract(filename, 'source=([^/]*)/date_day=[^/]*/part.parquet$', 1) as _source,
            try_cast(
                regexp_extract(filename, 'date_day=([^/]*)/part.parquet$', 1) as date
            ) as date_day,
            filename,
            coalesce(hashes.content_hash, stamps.stamp) as content_hash
        from stamps
        left join hashes using (filename)
    )

    {%- if rates %},

    dated as (
        select
            date_day,
            string_agg(
                from_currency || coalesce(average_rate::text, '') || coalesce(constant_rate::text, ''),
                ' ' order by from_currency
            ) as rates
        from {{ ref('stg_fx_rates__dated') }}
        group by date_day
    ),

    bounds as (
        select max(date_day) as last_day from {{ ref('stg_fx_rates__dated') }}
    )
    {%- endif %}

    select
        partitions._source,
        partitions.date_day,
        md5(
            '{{ code }}' || partitions.content_hash
            {%- if rates %} || coalesce(dated.rates, ''){% endif %}
        ) as made_of,
        partitions.filename
    from partitions
    {%- if rates %}
    cross join bounds
    left join dated
        on least(partitions.date_day, bounds.last_day) = dated.date_day
    {%- endif %}
    where partitions.date_day is not null
{% endmacro %}


{# Days of a partitioned model, and what each is made of. #}
{% macro followed_partitions(model_name, code) %}
    select
        date_day,
        md5('{{ code }}' || string_agg(_source || made_of, ' ' order by _source)) as made_of
    from built.{{ model_name }}
    group by date_day
{% endmacro %}


{# Partitions that were not built from what they are made of now; `made_of` is null where one is
   gone. #}
{% macro changed_partitions(state, waiting, key) %}
    select
        {{ key | join(', ') }},
        waiting.made_of,
        {% if key | length > 1 %}waiting.filename{% else %}null{% endif %} as filename
    from {{ waiting }} as waiting
    full join {{ state }} as built
        using ({{ key | join(', ') }})
    where waiting.made_of is distinct from built.made_of
    order by {{ key | join(', ') }}
{% endmacro %}
