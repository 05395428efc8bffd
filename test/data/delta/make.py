"""Makes the tables of this directory with delta-rs (pip install deltalake==1.6.6 pyarrow): how another writer writes."""
import datetime
import decimal
import json

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

UTC = datetime.timezone.utc


def rows(first, end):
    n = range(first, end)
    day = datetime.date(2024, 1, 1)
    at = datetime.datetime(2024, 1, 1, tzinfo=UTC)
    return pa.table({
        'id': pa.array(list(n), pa.int64()),
        'i': pa.array([x * 100 for x in n], pa.int32()),
        's': pa.array([-x for x in n], pa.int16()),
        'b': pa.array([x % 5 for x in n], pa.int8()),
        'f': pa.array([x / 4 for x in n], pa.float32()),
        'd': pa.array([x / 8 for x in n], pa.float64()),
        'flag': pa.array([None if x % 5 == 0 else x % 2 == 0 for x in n], pa.bool_()),
        'name': pa.array([None if x % 7 == 0 else f'n{x}' for x in n], pa.string()),
        'raw': pa.array([f'r{x}'.encode() for x in n], pa.binary()),
        'day': pa.array([day + datetime.timedelta(days=x % 2) for x in n], pa.date32()),
        'ts': pa.array([at + datetime.timedelta(seconds=x, microseconds=x) for x in n], pa.timestamp('us', 'UTC')),
        'amount': pa.array([decimal.Decimal(x) / 4 for x in n], pa.decimal128(12, 2)),
        'part': pa.array([None if x % 2 == 1 else 'p 0/ä' for x in n], pa.string()),
    })


write_deltalake('types', rows(0, 8), partition_by=['day', 'part'])
write_deltalake('types', rows(8, 12), mode='append')
DeltaTable('types').delete('id < 2')
DeltaTable('types').create_checkpoint()
write_deltalake('types', rows(12, 14), mode='append')

nested = pa.table({
    'id': pa.array([1, 2], pa.int64()),
    'list': pa.array([[1, 2], None], pa.list_(pa.int64())),
    'ntz': pa.array([datetime.datetime(2024, 1, 1, 12), None], pa.timestamp('us')),
})
write_deltalake('nested', nested)
write_deltalake('nested', pa.table({'id': [3], 'added': ['x']}), mode='append', schema_mode='merge')


def plain(value):
    if isinstance(value, datetime.datetime):
        fraction = f'.{value.microsecond:06}' if value.microsecond else ''
        return value.strftime('%Y-%m-%dT%H:%M:%S') + fraction + ('Z' if value.tzinfo else '')
    if isinstance(value, (datetime.date, decimal.Decimal)):
        return str(value)
    return value.hex() if isinstance(value, bytes) else value


found = {}
for name, version in [('types', 0), ('types', 1), ('types', 2), ('types', 3), ('nested', 0), ('nested', 1)]:
    table = DeltaTable(name, version=version).to_pyarrow_table().sort_by('id').to_pylist()
    found[f'{name} {version}'] = [{key: plain(value) for key, value in row.items()} for row in table]
with open('expected.json', 'w') as file:
    json.dump(found, file, ensure_ascii=False, indent=1)
