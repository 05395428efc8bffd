/** Order and equality of two values of one type: the order that comparisons, sorts and min/max share. */
import type { DataType, IntervalValue, Value } from '../arrow/types.js'
import { unreachable } from '../common/invariant.js'
import { fail } from '../common/errors.js'
import { typeName } from '../arrow/types.js'
import { intervalLength } from './calendar.js'

/**
 * Negative, 0 or positive; neither value is NULL. Strings and bytes by bytes (UTF-8 order), NaN = NaN is the greatest
 * float, -0 = 0, false < true, intervals by length with months of 30 days, lists by their first difference (NULL is
 * the greatest element).
 */
export function compareValues(left: Value, right: Value, type: DataType): number {
  switch (type.kind) {
    case 'null':
      return 0
    case 'boolean':
    case 'int':
    case 'decimal':
    case 'date':
    case 'timestamp':
      return order(left as number, right as number)
    case 'float':
      return compareFloats(left as number, right as number)
    case 'utf8':
      return compareStrings(left as string, right as string)
    case 'binary':
      return Buffer.compare(left as Uint8Array, right as Uint8Array)
    case 'interval':
      return order(intervalLength(left as IntervalValue), intervalLength(right as IntervalValue))
    case 'list':
      return compareLists(left as readonly Value[], right as readonly Value[], type.element.type)
    case 'struct':
    case 'map':
      throw fail('NOT_SUPPORTED', [`comparison of ${typeName(type)}`])
    default:
      return unreachable(type)
  }
}

const order = <T extends number | bigint>(left: T, right: T): number => (left < right ? -1 : left > right ? 1 : 0)

function compareLists(left: readonly Value[], right: readonly Value[], type: DataType): number {
  for (const [i, item] of left.slice(0, right.length).entries()) {
    const other = right[i]
    const found =
      item === null || other === null
        ? Number(item === null) - Number(other === null)
        : compareValues(item, other, type)
    if (found !== 0) return found
  }
  return left.length - right.length
}

function compareFloats(left: number, right: number): number {
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  return order(left, right)
}

/** Code point order, which is the order of the UTF-8 bytes; `<` on strings compares UTF-16 units instead. */
export function compareStrings(left: string, right: string): number {
  const length = Math.min(left.length, right.length)
  for (let i = 0; i < length; i++) {
    const a = left.charCodeAt(i)
    const b = right.charCodeAt(i)
    if (a !== b) return order(byteRank(a), byteRank(b))
  }
  return left.length - right.length
}

/** Surrogates (astral characters) sort after the rest of the basic plane. */
const byteRank = (unit: number): number => (unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000)
