"""`manage.py seed_demo`: fill the shop. A second run adds what is missing and keeps what was changed."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils.text import slugify

from demo_shop import chains
from demo_shop.accounts import ADMIN_NAME, ADMIN_PASSWORD
from demo_shop.catalogue import CATALOGUE, Article, Shelf
from demo_shop.models import Category, Product
from demo_shop.pictures import draw_hero, draw_logo, draw_product


class Command(BaseCommand):
    help = "Fills the demo shop: catalogue with pictures, the admin's account, letters and chains."

    def handle(self, *args: Any, **options: Any) -> None:
        self._pictures_of_the_site()
        with transaction.atomic():
            for position, shelf in enumerate(CATALOGUE):
                self._shelf(position, shelf)
            self._admin()
            chains.install()
        self.stdout.write(f"{Product.objects.count()} products in {Category.objects.count()} categories")

    def _pictures_of_the_site(self) -> None:
        for name, draw in (("hero.jpg", draw_hero), ("logo.png", draw_logo)):
            if not default_storage.exists(name):
                default_storage.save(name, ContentFile(draw()))

    def _shelf(self, position: int, shelf: Shelf) -> None:
        defaults = {"name": shelf.name, "intro": shelf.intro, "position": position}
        category, _is_new = Category.objects.get_or_create(slug=shelf.slug, defaults=defaults)
        for place, article in enumerate(shelf.articles):
            self._article(category, place, article)

    def _article(self, category: Category, place: int, article: Article) -> None:
        product, _is_new = Product.objects.get_or_create(
            sku=article.sku,
            defaults={
                "category": category,
                "slug": slugify(article.name)[:120].strip("-"),
                "name": article.name,
                "description": article.description,
                "material": article.material,
                "dimensions": article.dimensions,
                "price": article.price,
                "stock": article.stock,
                "is_featured": article.is_featured,
                "position": place,
            },
        )
        # The pictures' folder may have been emptied while the database was kept.
        if not product.image or not default_storage.exists(str(product.image.name)):
            picture = ContentFile(draw_product(article.drawing, article.palette))
            product.image.save(f"{article.sku.lower()}.jpg", picture)

    def _admin(self) -> None:
        if not User.objects.filter(username=ADMIN_NAME).exists():
            User.objects.create_superuser(ADMIN_NAME, "admin@glowandgrain.example", ADMIN_PASSWORD)
