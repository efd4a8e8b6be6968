"""PortOne V1 and KG Inicis for Django: checkout and subscriptions that are right on the worst day."""

__version__ = "0.1.0.dev0"
