-- Under every rule campaigns, with (unattributed), hold the ledger, all conversions and all spend.
{{ journeys_not_whole(ref('attr_campaigns'), 'campaign') }}
