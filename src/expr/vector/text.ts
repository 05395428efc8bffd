/** LIKE, IN and string functions by kernel. */
import type { Column } from '../../arrow/batch.js'
import { bitmapBytes, columnFromValues } from '../../arrow/column.js'
import { views, withScratch } from '../../arrow/memory.js'
import { zeroFill } from '../../arrow/segments.js'
import { BOOLEAN, type Value } from '../../arrow/types.js'
import { likePieces } from '../like-pattern.js'
import { booleanColumn, buildColumn, commonNulls, using } from './columns.js'
import { compareOperands, hasComparison } from './comparison.js'
import { exprKernels } from './kernel-calls.js'
import { logicColumns } from './logic.js'

/** A compiled LIKE pattern: the segments between `%`, each as text in which `_` is a wildcard. */
interface Segments {
  readonly texts: readonly (readonly (string | undefined)[])[]
  readonly anchorStart: boolean
  readonly anchorEnd: boolean
}

/** Splits a pattern at its `%`; an undefined part of a segment is `_`. */
export function likeSegments(pattern: string, escape: string | undefined): Segments {
  const pieces = likePieces(pattern, escape)
  const texts: (string | undefined)[][] = []
  let open: (string | undefined)[] | undefined
  for (const piece of pieces) {
    if (piece.kind === 'any') {
      open = undefined
    } else {
      if (open === undefined) texts.push((open = []))
      open.push(piece.kind === 'text' ? piece.text : undefined)
    }
  }
  return { texts, anchorStart: pieces[0]?.kind !== 'any', anchorEnd: pieces.at(-1)?.kind !== 'any' }
}

const WILDCARD_BYTE = 0xff

/** A flat string column LIKE a pattern (case-sensitive). */
export function likeColumn(column: Column, segments: Segments, negated: boolean): Column {
  const n = column.length
  const { texts, anchorStart, anchorEnd } = segments
  const parts = texts.map(segmentBytes)
  return booleanColumn(n, [column], bits =>
    withScratch(scratch => {
      const pattern = scratch(parts.reduce((sum, part) => sum + 8 + part.length + 4, 16))
      let at = pattern
      for (const part of parts) {
        views().u32[at / 4] = part.length
        views().u32[at / 4 + 1] = part.includes(WILDCARD_BYTE) ? 1 : 0
        views().u8.set(part, at + 8)
        at += 8 + ((part.length + 3) & ~3)
      }
      const kernels = exprKernels()
      const flip = negated ? 0xff : 0
      const plainFirst = parts.length > 0 && !parts[0].includes(WILDCARD_BYTE)
      if (plainFirst && parts.length === 1 && anchorStart && !anchorEnd) {
        return kernels.likePrefix(column.values, column.offsets, n, pattern + 8, parts[0].length, flip, bits)
      }
      // One segment that must end the string is quicker from the end.
      if (plainFirst && !anchorStart && !(parts.length === 1 && anchorEnd)) {
        kernels.likeSearch(column.values, column.offsets, n, pattern, parts.length, anchorEnd ? 2 : 0, bits)
        return negated ? kernels.logicNot(bits, n, bits) : undefined
      }
      const anchors = (anchorStart ? 1 : 0) + (anchorEnd ? 2 : 0)
      return kernels.likeMatch(column.values, column.offsets, n, pattern, parts.length, anchors, flip, bits)
    }),
  )
}

function segmentBytes(segment: readonly (string | undefined)[]): Uint8Array {
  return Buffer.concat(segment.map(part => (part === undefined ? Buffer.of(WILDCARD_BYTE) : Buffer.from(part))))
}

/** Longest IN list of floats and wide numbers that is compared item by item with kernels. */
const MAX_COMPARED_ITEMS = 16

/**
 * A flat column IN a list of constants; undefined when there is no kernel for the type or so long a list. `list` holds
 * values of the column's type; a NULL among them makes every row without a hit NULL.
 */
export function inListColumn(column: Column, list: readonly Value[], negated: boolean): Column | undefined {
  const { type } = column
  const items = list.filter(item => item !== null)
  if (list.length === 0 || !hasComparison(type)) return undefined
  const words =
    type.kind === 'date' ||
    type.kind === 'timestamp' ||
    (type.kind === 'decimal' && column.width === 8) ||
    (type.kind === 'int' && type.signed)
  const small = items.every(
    item => typeof item === 'number' || (typeof item === 'bigint' && BigInt.asIntN(64, item) === item),
  )
  const sawNull = items.length < list.length
  if (words && small)
    return listed(
      column,
      items.map(item => BigInt(item as number | bigint)),
      sawNull,
      negated,
    )
  if (items.length > 1 && (type.kind === 'utf8' || type.kind === 'binary'))
    return listedTexts(column, items, sawNull, negated)
  if (items.length === 0 || items.length > MAX_COMPARED_ITEMS) return undefined
  return using2(compareAny(column, items), hits => withNulls(hits, sawNull, negated))
}

const using2 = <T>(column: Column, use: (column: Column) => T): T => using([column], () => use(column))

function listed(column: Column, items: readonly bigint[], sawNull: boolean, negated: boolean): Column {
  const n = column.length
  const sorted = BigInt64Array.from(items).sort()
  const hits = booleanColumn(n, [column], bits =>
    withScratch(scratch => {
      const list = scratch(sorted.length * 8 + 8)
      views().i64.set(sorted, list / 8)
      exprKernels().compareInList(column.values, column.width, 1, n, list, sorted.length, bits)
    }),
  )
  return using2(hits, found => withNulls(found, sawNull, negated))
}

const TEXT_SLOT_BYTES = 16

function listedTexts(column: Column, items: readonly Value[], sawNull: boolean, negated: boolean): Column {
  const list = columnFromValues(column.type, items)
  const hits = using2(list, ({ values, offsets }) =>
    booleanColumn(column.length, [column], bits =>
      withScratch(scratch => {
        // At most half full.
        const slots = 2 ** Math.ceil(Math.log2(2 * items.length))
        const table = scratch(slots * TEXT_SLOT_BYTES)
        zeroFill(table, slots * TEXT_SLOT_BYTES)
        const kernels = exprKernels()
        kernels.compareTextList(values, offsets, items.length, table, slots - 1)
        kernels.compareTextInList(column.values, column.offsets, column.length, table, slots - 1, bits)
      }),
    ),
  )
  return using2(hits, found => withNulls(found, sawNull, negated))
}

function compareAny(column: Column, items: readonly Value[]): Column {
  const equal = (value: Value): Column => compareOperands('=', { column }, { value }, column.type, column.length)
  let hits = equal(items[0])
  for (const item of items.slice(1)) {
    hits = using2(hits, before => using2(equal(item), next => logicColumns('or', before, next)))
  }
  return hits
}

/** Hits of IN as its result: negated if wanted, and NULL where there was no hit but a NULL in the list. */
function withNulls(hits: Column, sawNull: boolean, negated: boolean): Column {
  const n = hits.length
  const kernels = exprKernels()
  return buildColumn(BOOLEAN, n, own => {
    const values = own(bitmapBytes(n))
    if (negated) kernels.logicNot(hits.values, n, values)
    else kernels.logicIntersect(hits.values, 0, 0, n, values)
    if (!sawNull) return { values, ...commonNulls(own, [hits], n) }
    const validity = own(bitmapBytes(n))
    const valid = kernels.logicIntersect(hits.values, hits.validity, 0, n, validity)
    return { values, validity, nullCount: n - valid }
  })
}

/** 1 when every byte of a flat string column is ASCII, else 0. */
export function isAscii({ values, offsets, length }: Column): number {
  const { u32 } = views()
  return exprKernels().utf8IsAscii(values + u32[offsets / 4], values + u32[offsets / 4 + length])
}
