"""Field types that the tables share."""

from __future__ import annotations

from typing import Any

from django.db import models


class ExactCharField(models.CharField):
    """Text that is equal only to itself on every database.

    MariaDB's usual collations take "cart:a", "cart:A" and "cart:a " for one and the same. That is right for names and
    wrong for keys: two carts would be one entry.
    """

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql":
            # MariaDB's "nopad" does not pad with blanks before it compares; MySQL 8 has no such collation by that name.
            parameters["collation"] = (
                "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
            )
        return parameters
