"""Report shapes of advertising platforms: what to ask, and rows in the words of `ad_spend`."""

from ingestion.connectors.reports.google_ads import GOOGLE_ADS
from ingestion.connectors.reports.linkedin import LINKEDIN
from ingestion.connectors.reports.meta import META
from ingestion.connectors.reports.report import COLUMNS, Account, Platform
from ingestion.connectors.reports.tiktok import TIKTOK

PLATFORMS: dict[str, Platform] = {
    "google_ads": GOOGLE_ADS,
    "meta": META,
    "linkedin": LINKEDIN,
    "tiktok": TIKTOK,
}

__all__ = ["COLUMNS", "PLATFORMS", "Account", "Platform"]
