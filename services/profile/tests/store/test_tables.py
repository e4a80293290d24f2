"""The migrations make the tables that the code describes, and personal data has its own columns."""

from sqlalchemy import inspect

from customer_profile.store.tables import CUSTOMER, PERSONAL, PLAN_START, SUBSCRIPTION, TOUCH_POINT, metadata
from cxmesh.profile.v1 import customer_pb2, subscription_pb2, touch_point_pb2
from mesh.store import Store


def _columns(connection, table) -> dict[str, tuple[bool, str | None]]:
    described = inspect(connection).get_columns(table.name, schema=table.schema)
    return {each["name"]: (each["nullable"], each["comment"]) for each in described}


async def test_the_tables_are_as_described(store: Store) -> None:
    async with store.engine.connect() as connection:
        for table in metadata.sorted_tables:
            if table in {CUSTOMER, SUBSCRIPTION, PLAN_START, TOUCH_POINT}:
                expected = {each.name: (each.nullable, each.comment) for each in table.columns}
                assert await connection.run_sync(_columns, table) == expected
                indexes = await connection.run_sync(lambda sync, t=table: inspect(sync).get_indexes(t.name, t.schema))
                assert {each["name"]: each["column_names"] for each in indexes} == {
                    index.name: [column.name for column in index.columns] for index in table.indexes
                }


def test_columns_that_hold_personal_data_say_so() -> None:
    """Every field of the contract that is marked `debug_redact` lives in a column that is marked too."""
    marked = {
        f"{message.DESCRIPTOR.name}.{field.name}"
        for message in (customer_pb2.Customer, subscription_pb2.Subscription, touch_point_pb2.TouchPoint)
        for field in message.DESCRIPTOR.fields
        if field.GetOptions().debug_redact
        or (field.message_type and any(inner.GetOptions().debug_redact for inner in field.message_type.fields))
    }
    assert marked == {
        "Customer.display_name",
        "Customer.contact_media",
        "Customer.source_references",
        "Subscription.line_identifier",
    }
    commented = {f"{t.name}.{c.name}" for t in metadata.tables.values() for c in t.columns if c.comment == PERSONAL}
    assert commented == {
        "customer.display_name",
        "customer.contact_media",
        "customer.source_references",
        "subscription.line_identifier",
    }
