/** Hashes of rows, equal for equal values in every encoding, on every host: exchanges and hash tables agree on them. */
import { unreachable } from '../common/invariant.js'
import type { Batch, Column } from './batch.js'
import { releaseBatch, retainBatch } from './column.js'
import { kernels, views, withScratch } from './memory.js'
import { takeBatch } from './take.js'

interface HashKernels {
  hashFixed(
    values: number,
    width: number,
    isSigned: number,
    validity: number,
    count: number,
    out: number,
    combine: number,
  ): void
  hashWide(values: number, validity: number, count: number, out: number, combine: number): void
  hashFloats(values: number, width: number, validity: number, count: number, out: number, combine: number): void
  hashBits(values: number, validity: number, count: number, out: number, combine: number): void
  hashBytes(values: number, offsets: number, validity: number, count: number, out: number, combine: number): void
  hashCodes(hashes: number, codes: number, validity: number, count: number, out: number, combine: number): void
  hashLists(hashes: number, offsets: number, validity: number, count: number, out: number, combine: number): void
  hashNulls(validity: number, count: number, out: number): void
  partitionSalt(hashes: number, count: number, salt: number): void
  partitionRows(hashes: number, count: number, partitions: number, starts: number, indices: number): void
}

/**
 * Writes a u32 a row to `out`: the hash of the row's values in these columns, in order. Integers hash by value whatever
 * their width, decimals by their unscaled value (columns to be compared have one scale). No columns: all rows hash alike.
 */
export function hashColumns(columns: readonly Column[], rowCount: number, out: number): void {
  if (columns.length === 0) views().u32.fill(0, out / 4, out / 4 + rowCount)
  columns.forEach((column, i) => hashColumn(column, rowCount, out, i === 0 ? 0 : 1))
}

function hashColumn(column: Column, rowCount: number, out: number, combine: 0 | 1): void {
  const calls = kernels<HashKernels>()
  const { type, values, validity, width, offsets } = column
  if (column.dictionary !== undefined) return hashDictionary(column, column.dictionary, rowCount, out, combine)
  switch (type.kind) {
    case 'null':
      return withScratch(scratch => {
        const none = scratch(Math.ceil(rowCount / 64) * 8)
        views().u8.fill(0, none, none + Math.ceil(rowCount / 64) * 8)
        calls.hashBits(none, none, rowCount, out, combine)
      })
    case 'boolean':
      return calls.hashBits(values, validity, rowCount, out, combine)
    case 'int':
      return calls.hashFixed(values, width, type.signed ? 1 : 0, validity, rowCount, out, combine)
    case 'date':
    case 'timestamp':
      return calls.hashFixed(values, width, 1, validity, rowCount, out, combine)
    case 'decimal':
      if (width === 8) return calls.hashFixed(values, 8, 1, validity, rowCount, out, combine)
      return calls.hashWide(values, validity, rowCount, out, combine)
    case 'interval':
      return calls.hashWide(values, validity, rowCount, out, combine)
    case 'float':
      return calls.hashFloats(values, width, validity, rowCount, out, combine)
    case 'utf8':
    case 'binary':
      return calls.hashBytes(values, offsets, validity, rowCount, out, combine)
    case 'list':
    case 'map':
      return hashElements(column, rowCount, out, combine)
    case 'struct':
      return hashStruct(column, rowCount, out, combine)
  }
  return unreachable(type)
}

/** Each dictionary value is hashed once. */
function hashDictionary(column: Column, dictionary: Column, rowCount: number, out: number, combine: 0 | 1): void {
  withScratch(scratch => {
    const hashes = scratch(dictionary.length * 4)
    hashColumn(dictionary, dictionary.length, hashes, 0)
    kernels<HashKernels>().hashCodes(hashes, column.values, column.validity, rowCount, out, combine)
  })
}

function hashElements(column: Column, rowCount: number, out: number, combine: 0 | 1): void {
  const [child] = column.children
  withScratch(scratch => {
    const hashes = scratch(child.length * 4)
    hashColumn(child, child.length, hashes, 0)
    kernels<HashKernels>().hashLists(hashes, column.offsets, column.validity, rowCount, out, combine)
  })
}

function hashStruct(column: Column, rowCount: number, out: number, combine: 0 | 1): void {
  withScratch(scratch => {
    const hashes = scratch(rowCount * 4)
    hashColumns(column.children, rowCount, hashes)
    if (column.validity !== 0) kernels<HashKernels>().hashNulls(column.validity, rowCount, hashes)
    const rows = scratch(rowCount * 4)
    for (let row = 0; row < rowCount; row++) views().u32[rows / 4 + row] = row
    kernels<HashKernels>().hashCodes(hashes, rows, 0, rowCount, out, combine)
  })
}

/**
 * The rows of a batch by the hash of their keys, in `count` partitions: the batch of each (owned by the caller, rows in
 * their order), undefined where there are no rows. A row's partition depends on its key values, `count` and `salt` only. Exchanges
 * have salt 0; what one of their partitions, or of a partition by another salt, holds is spread by a new one.
 */
export function partitionBatch(batch: Batch, keys: readonly Column[], count: number, salt = 0): (Batch | undefined)[] {
  const { rowCount } = batch
  if (rowCount === 0) return Array.from({ length: count }, () => undefined)
  if (count === 1) {
    retainBatch(batch)
    return [batch]
  }
  return withScratch(scratch => {
    const hashes = scratch(rowCount * 4)
    const starts = scratch((count + 2) * 4)
    const indices = scratch(rowCount * 4)
    hashColumns(keys, rowCount, hashes)
    if (salt !== 0) kernels<HashKernels>().partitionSalt(hashes, rowCount, salt)
    kernels<HashKernels>().partitionRows(hashes, rowCount, count, starts, indices)
    const { u32 } = views()
    const parts: (Batch | undefined)[] = []
    try {
      for (let partition = 0; partition < count; partition++) {
        const start = u32[starts / 4 + partition]
        const rows = u32[starts / 4 + partition + 1] - start
        parts.push(rows === 0 ? undefined : takeBatch(batch, indices + start * 4, rows))
      }
      return parts
    } catch (error) {
      for (const part of parts) if (part !== undefined) releaseBatch(part)
      throw error
    }
  })
}
