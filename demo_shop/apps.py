from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class DemoShopConfig(AppConfig):
    name = "demo_shop"
    label = "demo_shop"
    verbose_name = _("Glow & Grain")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from demo_shop.carts import merge_on_login

        user_logged_in.connect(merge_on_login, dispatch_uid="demo_shop.merge_cart")
