/** Random typed expressions and batches from one seed, for tests that compare evaluators. */
import type { Batch, Column } from '../../src/arrow/batch.js'
import { columnFromValues, makeColumn, releaseBatch } from '../../src/arrow/column.js'
import { schemaOf, type Field, type Schema } from '../../src/arrow/schema.js'
import { sliceBatch } from '../../src/arrow/take.js'
import {
  BINARY,
  BOOLEAN,
  DATE,
  FLOAT32,
  FLOAT64,
  INT16,
  INT32,
  INT64,
  INT8,
  INTERVAL,
  UINT16,
  UINT32,
  UINT64,
  UINT8,
  UTF8,
  decimal,
  timestamp,
  typeName,
  type DataType,
  type Value,
} from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import {
  binaryExpr,
  callExpr,
  caseExpr,
  castExpr,
  inListExpr,
  inputExpr,
  isNullExpr,
  likeExpr,
  negateExpr,
  notExpr,
} from '../../src/expr/build.js'
import { literal, typeOf, type BinaryOp, type Expr } from '../../src/expr/expr.js'
import { UNIT_PER_SECOND } from '../../src/expr/types.js'
import { ALL_TYPES, randomCall, randomCast } from './random-calls.js'

export interface RandomColumn {
  readonly name: string
  readonly type: DataType
  readonly encoding: 'flat' | 'dictionary' | 'narrow'
}

/** Every encoding that evaluation treats apart: widths, dictionaries, wide decimals stored narrow, unsigned. */
export const RANDOM_COLUMNS: readonly RandomColumn[] = [
  { name: 'i2', type: INT16, encoding: 'flat' },
  { name: 'i4', type: INT32, encoding: 'flat' },
  { name: 'i4d', type: INT32, encoding: 'dictionary' },
  { name: 'i8', type: INT64, encoding: 'flat' },
  { name: 'u4', type: UINT32, encoding: 'flat' },
  { name: 'u8', type: UINT64, encoding: 'flat' },
  { name: 'f4', type: FLOAT32, encoding: 'flat' },
  { name: 'f8', type: FLOAT64, encoding: 'flat' },
  { name: 'd15', type: decimal(15, 2), encoding: 'flat' },
  { name: 'd12', type: decimal(12, 0), encoding: 'dictionary' },
  { name: 'd30', type: decimal(30, 4), encoding: 'flat' },
  { name: 'd38', type: decimal(38, 6), encoding: 'narrow' },
  { name: 's', type: UTF8, encoding: 'flat' },
  { name: 'sd', type: UTF8, encoding: 'dictionary' },
  { name: 'day', type: DATE, encoding: 'flat' },
  { name: 'dayd', type: DATE, encoding: 'dictionary' },
  { name: 'ts', type: timestamp('us'), encoding: 'flat' },
  { name: 'b', type: BOOLEAN, encoding: 'flat' },
  { name: 'i1', type: INT8, encoding: 'flat' },
  { name: 'u1', type: UINT8, encoding: 'flat' },
  { name: 'u2', type: UINT16, encoding: 'flat' },
  { name: 'f8d', type: FLOAT64, encoding: 'dictionary' },
  { name: 'bin', type: BINARY, encoding: 'flat' },
  { name: 'iv', type: INTERVAL, encoding: 'flat' },
  { name: 'ts_s', type: timestamp('s'), encoding: 'flat' },
  { name: 'ts_ns', type: timestamp('ns'), encoding: 'flat' },
  { name: 'tsd', type: timestamp('us'), encoding: 'dictionary' },
]

export const RANDOM_SCHEMA: Schema = schemaOf(
  ...RANDOM_COLUMNS.map(({ name, type }): Field => ({ name, type, nullable: true })),
)

const int = (rng: Rng, below: number): number => Math.floor(rng.next() * below)
const pick = <T>(rng: Rng, list: readonly T[]): T => list[int(rng, list.length)]
const chance = (rng: Rng, probability: number): boolean => rng.next() < probability

const WORDS = [
  '',
  'a',
  'ab',
  'abc',
  'special',
  'special requests',
  'a special packages requests b',
  'PROMO BRUSHED TIN',
  'naïve',
  '日本語',
  '🦆 quack',
  'A%B_C',
  '12',
  '-7',
  '3.5',
  '1998-09-02',
  'true',
  'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
]

/** A value of a type: mostly small and often equal, sometimes at the edge of the type; never NULL. */
export function randomValue(rng: Rng, type: DataType): Exclude<Value, null> {
  const edge = chance(rng, 0.02)
  const small = int(rng, 41) - 20
  switch (type.kind) {
    case 'boolean':
      return chance(rng, 0.5)
    case 'int': {
      const bits = BigInt(type.bits)
      const top = type.signed ? (1n << (bits - 1n)) - 1n : (1n << bits) - 1n
      const value = edge
        ? type.signed && chance(rng, 0.5)
          ? -top - 1n
          : top
        : BigInt(type.signed ? small : Math.abs(small))
      return type.bits === 64 ? value : Number(value)
    }
    case 'float': {
      const value = edge ? pick(rng, [NaN, Infinity, -Infinity, -0, 1e300, 2 ** 53]) : small / pick(rng, [1, 2, 3, 8])
      return type.bits === 32 ? Math.fround(value) : value
    }
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision) - 1n
      const wanted = edge ? limit : BigInt(small * pick(rng, [1, 1, 7, 100, 99_999]))
      const value = wanted > limit ? limit : wanted < -limit ? -limit : wanted
      return edge && chance(rng, 0.5) ? -value : value
    }
    case 'utf8':
      return pick(rng, WORDS)
    case 'date':
      return edge ? pick(rng, [-700_000, 2_900_000]) : 10_000 + small * 13
    case 'timestamp': {
      const perSecond = UNIT_PER_SECOND[type.unit]
      if (edge) return pick(rng, [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n])
      return (
        (BigInt(small * 300) * 86_400n + BigInt(int(rng, 86_400))) * perSecond + BigInt(int(rng, Number(perSecond)))
      )
    }
    case 'binary':
      return edge ? Uint8Array.of(0xff, 0xfe) : new Uint8Array(Buffer.from(pick(rng, WORDS)))
    case 'interval':
      return {
        months: pick(rng, [0, 0, small]),
        days: edge ? pick(rng, [2 ** 31 - 1, -(2 ** 31)]) : small,
        nanos: BigInt(small) * pick(rng, [0n, 1n, 1_500_000_000n, 3_600_000_000_000n]),
      }
    default:
      throw new Error(`no random ${typeName(type)}`)
  }
}

function randomColumn(rng: Rng, { type, encoding }: RandomColumn, rowCount: number): Column {
  const nulls = pick(rng, [0, 0, 0.1, 0.5, 1])
  const tame = chance(rng, 0.7)
  const value = (): Value => {
    if (chance(rng, nulls)) return null
    let drawn = randomValue(rng, type)
    while (tame && isEdge(drawn, type)) drawn = randomValue(rng, type)
    return drawn
  }
  const without = (column: Column): Column =>
    chance(rng, 0.3) ? makeColumn({ ...column, range: undefined } as never) : column
  if (encoding === 'narrow') {
    const values = Array.from({ length: rowCount }, () =>
      chance(rng, nulls) ? null : BigInt(int(rng, 2_000_000) - 1_000_000),
    )
    return without({ ...columnFromValues(INT64, values), type })
  }
  if (encoding === 'flat') return without(columnFromValues(type, Array.from({ length: rowCount }, value)))
  const dictionary = columnFromValues(
    type,
    Array.from({ length: 1 + int(rng, 12) }, () => randomValue(rng, type)),
  )
  const codes = columnFromValues(
    INT32,
    Array.from({ length: rowCount }, () => (chance(rng, nulls) ? null : int(rng, dictionary.length))),
  )
  const { length, nullCount, validity, values, blocks } = codes
  return makeColumn({ type, length, nullCount, validity, values, blocks, dictionary })
}

const isEdge = (value: Value, type: DataType): boolean =>
  typeof value === 'object'
    ? type.kind === 'interval' && value !== null && 'days' in value && Math.abs(value.days) > 1000
    : type.kind === 'timestamp'
      ? typeof value === 'bigint' && BigInt.asIntN(63, value) !== value
      : type.kind !== 'utf8' && typeof value !== 'boolean' && !(Math.abs(Number(value)) < 3_000_000)

/** A batch of RANDOM_SCHEMA, owned by the caller; often a slice, so that nothing is aligned. */
export function randomBatch(rng: Rng, rowCount: number): Batch {
  const skipped = chance(rng, 0.5) ? int(rng, 70) : 0
  const columns = RANDOM_COLUMNS.map(column => randomColumn(rng, column, rowCount + skipped))
  const whole = { schema: RANDOM_SCHEMA, rowCount: rowCount + skipped, columns }
  if (skipped === 0) return whole
  const slice = sliceBatch(whole, skipped, skipped + rowCount)
  releaseBatch(whole)
  return slice
}

const TYPES: readonly DataType[] = [
  INT32,
  INT64,
  FLOAT64,
  decimal(15, 2),
  decimal(30, 4),
  UTF8,
  DATE,
  BOOLEAN,
  BOOLEAN,
  timestamp('us'),
]
const COMPARISONS: readonly BinaryOp[] = ['=', '<>', '<', '<=', '>', '>=', 'distinct', 'notDistinct']
const PATTERNS = [
  '%special%',
  '%special%requests%',
  'PROMO%',
  '%TIN',
  'a_c',
  '_',
  '%',
  '',
  'a%',
  '%a_%',
  'A\\%B%',
  '%日_語',
  '_%quack',
  'special',
  '%s%s%',
  '_b%c',
]

/** An expression over RANDOM_SCHEMA whose type is near the wanted one (coercion decides); `depth` bounds its height. */
export function randomExpr(rng: Rng, type: DataType, depth: number): Expr {
  if (depth <= 0 || chance(rng, 0.15)) return randomLeaf(rng, type)
  const of = (wanted: DataType): Expr => randomExpr(rng, wanted, depth - 1)
  if (chance(rng, 0.08))
    return caseExpr(
      [of(BOOLEAN), of(BOOLEAN)],
      [castTo(of(type), type), castTo(of(type), type)],
      chance(rng, 0.7) ? castTo(of(type), type) : undefined,
    )
  if (chance(rng, 0.25)) {
    const call = randomCall(rng, type, of)
    if (call !== undefined) return call
  }
  if (chance(rng, 0.08)) return randomCast(rng, type, of)
  if (chance(rng, 0.05))
    return callExpr('coalesce', [castTo(of(type), type), castTo(of(type), type), randomLeaf(rng, type)])
  switch (type.kind) {
    case 'boolean':
      return randomPredicate(rng, of)
    case 'int':
      return randomNumber(rng, type, of)
    case 'decimal':
      return chance(rng, 0.2)
        ? castExpr(of(pick(rng, TYPES.slice(0, 2))), type, chance(rng, 0.3))
        : arithmetic(rng, of(decimal(12, 0)), of(type))
    case 'float':
      return chance(rng, 0.2)
        ? castTo(of(pick(rng, TYPES.slice(0, 5))), FLOAT64)
        : chance(rng, 0.2)
          ? negateExpr(of(FLOAT64))
          : arithmetic(rng, of(FLOAT64), of(pick(rng, [FLOAT64, INT32])))
    case 'utf8':
      return randomText(rng, of)
    case 'date':
      return chance(rng, 0.5)
        ? binaryExpr(pick(rng, ['+', '-']), of(DATE), castTo(of(INT32), INT32))
        : callExpr('date_trunc', [literal(pick(rng, ['month', 'year', 'week']), UTF8), of(DATE)])
    case 'timestamp':
      return chance(rng, 0.5)
        ? binaryExpr(pick(rng, ['+', '-']), of(type), of(INTERVAL))
        : callExpr('date_trunc', [literal(pick(rng, ['month', 'hour', 'week', 'minute']), UTF8), of(type)])
    case 'interval':
      return chance(rng, 0.5) ? binaryExpr(pick(rng, ['+', '-']), of(INTERVAL), of(INTERVAL)) : negateExpr(of(INTERVAL))
    default:
      return randomLeaf(rng, type)
  }
}

const castTo = (expr: Expr, type: DataType): Expr =>
  typeName(typeOf(expr)) === typeName(type) ? expr : castExpr(expr, type, true)

function randomLeaf(rng: Rng, type: DataType): Expr {
  const fitting = RANDOM_COLUMNS.flatMap((column, index) => (column.type.kind === type.kind ? [{ column, index }] : []))
  if (fitting.length > 0 && chance(rng, 0.75)) {
    const { column, index } = pick(rng, fitting)
    return inputExpr(index, column.name, column.type)
  }
  return literal(chance(rng, 0.1) ? null : randomValue(rng, type), type)
}

/** Operands whose scales would add up to more than 38 are cast down first. */
function arithmetic(rng: Rng, left: Expr, right: Expr): Expr {
  const op = pick(rng, ['+', '-', '*', '/', '%'] as const)
  const tamed = (side: Expr): Expr => {
    const type = typeOf(side)
    return type.kind === 'decimal' && type.scale > 12 ? castExpr(side, decimal(30, 4), true) : side
  }
  return binaryExpr(op, tamed(left), tamed(right))
}

type Of = (type: DataType) => Expr

function randomPredicate(rng: Rng, of: Of): Expr {
  const type = pick(rng, TYPES)
  switch (int(rng, 8)) {
    case 0:
      return binaryExpr('and', of(BOOLEAN), of(BOOLEAN))
    case 1:
      return binaryExpr('or', of(BOOLEAN), of(BOOLEAN))
    case 2:
      return notExpr(of(BOOLEAN))
    case 3:
      return isNullExpr(of(type), chance(rng, 0.5))
    case 4: {
      const items = Array.from({ length: 1 + int(rng, chance(rng, 0.2) ? 40 : 5) }, () =>
        literal(chance(rng, 0.1) ? null : randomValue(rng, type), type),
      )
      return inListExpr(of(type), items, chance(rng, 0.3))
    }
    case 5:
      return likeExpr(of(UTF8), literal(pick(rng, PATTERNS), UTF8), {
        negated: chance(rng, 0.3),
        caseInsensitive: chance(rng, 0.1),
      })
    default:
      return binaryExpr(pick(rng, COMPARISONS), of(type), chance(rng, 0.5) ? randomLeaf(rng, type) : of(type))
  }
}

function randomNumber(rng: Rng, type: DataType, of: Of): Expr {
  switch (int(rng, 6)) {
    case 0:
      return callExpr('date_part', [
        literal(pick(rng, ['year', 'month', 'day', 'quarter', 'dow', 'week']), UTF8),
        of(DATE),
      ])
    case 1:
      return callExpr('length', [of(UTF8)])
    case 2:
      return castExpr(of(pick(rng, [FLOAT64, decimal(15, 2), UTF8])), type, chance(rng, 0.7))
    case 3:
      return negateExpr(of(type))
    default:
      return arithmetic(rng, of(type), of(type))
  }
}

function randomText(rng: Rng, of: Of): Expr {
  switch (int(rng, 5)) {
    case 0:
      return callExpr('substr', [
        of(UTF8),
        literal(BigInt(int(rng, 8) - 2), INT64),
        literal(BigInt(int(rng, 6)), INT64),
      ])
    case 1:
      return callExpr(pick(rng, ['upper', 'lower', 'trim', 'reverse']), [of(UTF8)])
    case 2:
      return binaryExpr('||', of(UTF8), of(UTF8))
    case 3:
      return castExpr(of(pick(rng, TYPES)), UTF8)
    default:
      return callExpr('substr', [of(UTF8), literal(BigInt(int(rng, 5)), INT64)])
  }
}

/** One of the types that randomExpr knows; mostly those with kernels. */
export const randomType = (rng: Rng): DataType => (chance(rng, 0.25) ? pick(rng, ALL_TYPES) : pick(rng, TYPES))
