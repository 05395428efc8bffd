/** Tells the decoder to leave dictionary-encoded text as codes and a dictionary, by the Arrow schema that footers may carry. */
import { INT32, INT64, type DataType } from '../../arrow/types.js'
import type { Field } from '../../arrow/schema.js'
import { schemaMessage } from '../arrow-message.js'
import type { ColumnChunk, RowGroup } from './footer.js'
import { PHYSICAL, type ParquetColumn } from './parquet-schema.js'
import { THRIFT, numberAt, structList, structsAt, thriftStruct, utf8Bytes, type ThriftList } from './thrift-compact.js'

/** PLAIN_DICTIONARY and RLE_DICTIONARY of parquet.thrift. */
const DICTIONARY_ENCODINGS = [2, 8]
const PLAIN = 0
/** DATA_PAGE and DATA_PAGE_V2. */
const DATA_PAGES = [0, 3]

/**
 * Key-value metadata for a footer of `columns`: VARCHAR columns of which every data page in `group` is dictionary-encoded are
 * declared as dictionaries. Undefined if there are none, or a column is of a type that the declaration cannot name.
 */
export function dictionaryHint(columns: readonly ParquetColumn[], group: RowGroup): ThriftList | undefined {
  const fields = columns.map(storedField)
  const dictionaries = new Set(columns.keys())
  columns.forEach((column, i) => {
    if (column.field.type.kind !== 'utf8' || !isAllDictionary(group.chunks[column.firstLeaf])) dictionaries.delete(i)
  })
  if (dictionaries.size === 0 || fields.includes(undefined)) return undefined
  const schema = { fields: fields.filter(field => field !== undefined) }
  const text = Buffer.from(schemaMessage(schema, dictionaries)).toString('base64')
  const pair = thriftStruct([
    [1, THRIFT.binary, utf8Bytes('ARROW:schema')],
    [2, THRIFT.binary, utf8Bytes(text)],
  ])
  return structList([pair])
}

/** The column as the rewritten footer declares it; undefined for those without a plain Arrow type. */
function storedField({ field, physicalType, meaning }: ParquetColumn): Field | undefined {
  if (meaning === 'interval' || meaning === 'uuid' || meaning === 'float16' || physicalType === undefined)
    return undefined
  const stored: DataType | undefined =
    physicalType === PHYSICAL.int32 ? INT32 : physicalType === PHYSICAL.int64 ? INT64 : field.type
  if (field.type.kind === 'null' || (field.type.kind === 'binary' && physicalType === PHYSICAL.fixed)) return undefined
  return { ...field, type: stored }
}

function isAllDictionary({ metadata }: ColumnChunk): boolean {
  if ((numberAt(metadata, 11) ?? 0) <= 0) return false
  const pages = structsAt(metadata, 13).filter(page => DATA_PAGES.includes(numberAt(page, 1) ?? -1))
  if (pages.length > 0) return pages.every(page => DICTIONARY_ENCODINGS.includes(numberAt(page, 2) ?? -1))
  const list = metadata.fields.get(2)?.value
  if (typeof list !== 'object' || !('items' in list)) return false
  // Without counts, PLAIN may stand for the dictionary page alone or for data pages too.
  return list.items.some(encoding => DICTIONARY_ENCODINGS.includes(Number(encoding))) && !list.items.includes(PLAIN)
}
