/** Batches as apache-arrow record batches for users and writers: copies in ordinary ArrayBuffers that stay valid for ever. */
import type * as Arrow from 'apache-arrow'
import { unreachable } from '../common/invariant.js'
import { arrow } from './arrow-module.js'
import { toArrowSchema } from './arrow-types.js'
import type { Batch, Column } from './batch.js'
import { releaseColumn } from './column.js'
import { kernels, views, withScratch } from './memory.js'
import type { Schema } from './schema.js'
import { decodeDictionary } from './take.js'

interface WidenKernels {
  takeWiden(source: number, count: number, target: number): void
}

/** Making a Struct type is slow; batches of one query share one schema object. */
const structs = new WeakMap<Schema, { readonly schema: Arrow.Schema; readonly struct: Arrow.Struct }>()

/** A copy of the batch, which is borrowed. Dictionary columns become flat. Needs `loadArrow` before. */
export function toArrowBatch(batch: Batch): Arrow.RecordBatch {
  const module = arrow()
  let known = structs.get(batch.schema)
  if (known === undefined) {
    const schema = toArrowSchema(batch.schema)
    known = { schema, struct: new module.Struct(schema.fields) }
    structs.set(batch.schema, known)
  }
  const { schema, struct } = known
  const children = batch.columns.map((column, i) => toArrowData(column, schema.fields[i].type))
  return new module.RecordBatch(schema, new module.Data(struct, 0, batch.rowCount, 0, {}, children))
}

function toArrowData(column: Column, type: Arrow.DataType): Arrow.Data {
  if (column.dictionary === undefined) return flatData(column, type)
  const flat = decodeDictionary(column)
  try {
    return flatData(flat, type)
  } finally {
    releaseColumn(flat)
  }
}

function flatData(column: Column, type: Arrow.DataType): Arrow.Data {
  const { length, nullCount } = column
  const validity = column.validity === 0 ? undefined : copyOut(column.validity, Math.ceil(length / 8))
  const { offsets, values, children } = parts(column, type)
  const buffers = { 0: offsets, 1: values, 2: validity } as never
  return new (arrow().Data)(type, 0, length, nullCount, buffers, children)
}

interface Parts {
  readonly offsets?: Int32Array
  readonly values?: ArrayBufferView
  readonly children?: Arrow.Data[]
}

function parts(column: Column, arrowType: Arrow.DataType): Parts {
  const { type, length } = column
  switch (type.kind) {
    case 'null':
      return {}
    case 'boolean':
      return { values: copyOut(column.values, Math.ceil(length / 8)) }
    case 'int':
    case 'float':
    case 'date':
    case 'timestamp':
    case 'interval': {
      const bytes = copyOut(column.values, length * column.width)
      return { values: new (arrowType.ArrayType as Int32ArrayConstructor)(bytes.buffer) }
    }
    case 'decimal':
      return { values: new Uint32Array(wideBytes(column).buffer) }
    case 'utf8':
    case 'binary': {
      const { offsets, first, last } = copyOffsets(column)
      return { offsets, values: copyOut(column.values + first, last - first) }
    }
    case 'list':
    case 'map': {
      const { offsets, first, last } = copyOffsets(column)
      const child = toArrowData(column.children[0], arrowType.children[0].type)
      return { offsets, children: [child.slice(first, last - first)] }
    }
    case 'struct':
      return { children: column.children.map((child, i) => toArrowData(child, arrowType.children[i].type)) }
  }
  return unreachable(type)
}

/** Bytes in an ordinary ArrayBuffer of their own: `slice` of a view of shared memory does not give shared memory. */
const copyOut = (position: number, byteLength: number): Uint8Array => views().u8.slice(position, position + byteLength)

/** Offsets from 0 on, and the elements they had stood for. */
function copyOffsets({ offsets, length }: Column): { offsets: Int32Array; first: number; last: number } {
  const copy = views().i32.slice(offsets / 4, offsets / 4 + length + 1)
  const first = copy[0]
  const last = copy[length]
  if (first !== 0) copy.forEach((offset, i) => (copy[i] = offset - first))
  return { offsets: copy, first, last }
}

function wideBytes({ values, width, length }: Column): Uint8Array {
  if (width === 16) return copyOut(values, length * 16)
  return withScratch(scratch => {
    const wide = scratch(length * 16)
    kernels<WidenKernels>().takeWiden(values, length, wide)
    return copyOut(wide, length * 16)
  })
}
