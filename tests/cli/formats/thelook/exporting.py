"""Tables of an invented TheLook, small enough to be counted by hand."""

from pathlib import Path

HEADERS = {
    "users": "id,first_name,last_name,email,age,gender,state,street_address,postal_code,city,country,latitude,"
    "longitude,traffic_source,created_at",
    "orders": "order_id,user_id,status,gender,created_at,returned_at,shipped_at,delivered_at,num_of_item",
    "order_items": "id,order_id,user_id,product_id,inventory_item_id,status,created_at,shipped_at,delivered_at,"
    "returned_at,sale_price",
    "products": "id,cost,category,name,brand,retail_price,department,sku,distribution_center_id",
    "events": "id,user_id,sequence_number,session_id,created_at,ip_address,city,state,postal_code,browser,"
    "traffic_source,uri,event_type",
}


def write(folder: Path, **tables: list[str]) -> Path:
    """Write these tables, each below its header, and return the folder."""
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *lines]) + "\n")
    return folder


def user(user_id: str = "7", *, created: str = "2023-01-05 10:11:12 UTC", **cells: str) -> str:
    """One row of users.csv."""
    known = {"age": "34", "gender": "F", "city": "Porto", "country": "Brasil", "latitude": "41.15", "longitude": "-8.6"}
    known |= {"traffic_source": "Search"} | cells
    address = f"Porto,Street 9,4000,{known['city']},{known['country']}"
    person = f"Ada,Secret,ada@example.org,{known['age']},{known['gender']}"
    return f"{user_id},{person},{address},{known['latitude']},{known['longitude']},{known['traffic_source']},{created}"


def order(
    order_id: str,
    user_id: str = "7",
    status: str = "Complete",
    created: str = "2023-01-05 10:11:12 UTC",
    back: str = "",
) -> str:
    """One row of orders.csv."""
    return f"{order_id},{user_id},{status},F,{created},{back},,,1"


def item(
    item_id: str, order_id: str, price: str, status: str = "Complete", product: str = "501", back: str = ""
) -> str:
    """One row of order_items.csv."""
    return f"{item_id},{order_id},7,{product},9,{status},2023-01-05 10:00:00 UTC,,,{back},{price}"


def product(product_id: str, sku: str, category: str) -> str:
    """One row of products.csv."""
    return f"{product_id},2.5,{category},A thing,Brand,9.99,Women,{sku},1"


def event(
    session: str, at: str, kind: str = "product", user_id: str = "7", source: str = "Email", event_id: str = "1"
) -> str:
    """One row of events.csv."""
    return f"{event_id},{user_id},1,{session},{at},1.2.3.4,Porto,Porto,4000,Chrome,{source},/x,{kind}"
