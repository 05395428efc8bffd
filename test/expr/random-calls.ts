/** Every function and every cast as a random expression: argument types are found by asking the declarations. */
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
} from '../../src/arrow/types.js'
import type { Rng } from '../../src/common/clock.js'
import { BallistaError } from '../../src/common/errors.js'
import { callExpr, castExpr } from '../../src/expr/build.js'
import { literal, typeOf, type Expr } from '../../src/expr/expr.js'
import type { ScalarFunction } from '../../src/expr/functions/function.js'
import { SCALARS } from '../../src/expr/functions/index.js'
import { canCast } from '../../src/expr/types.js'

/** Every type that columns of the random batch have. */
export const ALL_TYPES: readonly DataType[] = [
  BOOLEAN,
  INT8,
  INT16,
  INT32,
  INT64,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
  FLOAT32,
  FLOAT64,
  decimal(15, 2),
  decimal(12, 0),
  decimal(30, 4),
  UTF8,
  BINARY,
  DATE,
  timestamp('s'),
  timestamp('us'),
  timestamp('ns'),
  INTERVAL,
]

/** A function with the types of arguments that it takes as they are. */
interface Signature {
  readonly name: string
  readonly args: readonly DataType[]
  readonly result: DataType
}

const MAX_ARGUMENTS = 6
const PROBES = [INT64, FLOAT64, UTF8, DATE, timestamp('us'), INTERVAL, BOOLEAN, decimal(15, 2), BINARY]

/** Argument lists to ask about: one type throughout, then one of them different, then two at each end. */
function* candidates(): Generator<readonly DataType[]> {
  yield []
  for (let count = 1; count <= MAX_ARGUMENTS; count++) {
    for (const rest of PROBES) {
      yield Array.from({ length: count }, () => rest)
      for (const first of PROBES) {
        for (let at = 0; at < count; at++) yield Array.from({ length: count }, (_, i) => (i === at ? first : rest))
        if (count >= 3)
          for (const last of [INT64, UTF8])
            yield Array.from({ length: count }, (_, i) => (i === 0 ? first : i === count - 1 ? last : rest))
      }
    }
  }
}

function signaturesOf(definition: ScalarFunction): readonly Signature[] {
  const found = new Map<string, Signature>()
  for (const candidate of candidates()) {
    try {
      const args = definition.coerce(candidate)
      const constants = args.map(type => (type.kind === 'utf8' ? 'year' : undefined))
      const key = args.map(typeName).join()
      if (!found.has(key)) found.set(key, { name: definition.name, args, result: definition.returns(args, constants) })
    } catch (error) {
      if (!(error instanceof BallistaError)) throw error
    }
  }
  return [...found.values()]
}

const signatures: readonly (readonly Signature[])[] = SCALARS.filter(
  ({ volatility }) => volatility === 'immutable',
).map(signaturesOf)

/** Functions without any argument list that was found; the generator cannot reach them. */
export const UNREACHED: readonly string[] = SCALARS.filter(
  ({ volatility, name }) =>
    volatility === 'immutable' && !signatures.some(list => list.length > 0 && list[0].name === name),
).map(({ name }) => name)

/** Texts that mean something to some function. */
const WORDS = [
  'year',
  'month',
  'hour',
  'week',
  'day',
  'epoch',
  '%Y-%m-%d',
  '%H:%M',
  '%d.%m.%y',
  'a.c',
  '^[a-z]+',
  '(\\w)(.*)',
  'i',
  'g',
  'hex',
  'base64',
  'md5',
  ',',
  ' ',
]

const pick = <T>(rng: Rng, list: readonly T[]): T => list[Math.floor(rng.next() * list.length)]

/** A call of a random function whose result is of the wanted kind; undefined if there is none. */
export function randomCall(rng: Rng, wanted: DataType, of: (type: DataType) => Expr): Expr | undefined {
  const fitting = signatures.filter(list => list.some(({ result }) => result.kind === wanted.kind))
  if (fitting.length === 0) return undefined
  const { name, args } = pick(
    rng,
    pick(rng, fitting).filter(({ result }) => result.kind === wanted.kind),
  )
  const made = args.map((type, i) => argument(rng, type, of, i))
  try {
    const call = callExpr(name, made)
    return typeOf(call).kind === wanted.kind ? call : undefined
  } catch (error) {
    // The arguments came out as other types, or as columns where a constant is needed.
    if (error instanceof BallistaError) return undefined
    throw error
  }
}

/** Mostly columns and calls in front, mostly constants behind. */
function argument(rng: Rng, type: DataType, of: (type: DataType) => Expr, index: number): Expr {
  if (type.kind === 'utf8' && rng.next() < (index === 0 ? 0.15 : 0.5)) return literal(pick(rng, WORDS), UTF8)
  const isSmall = type.kind === 'int' && type.bits === 64 && index > 0
  if (isSmall && rng.next() < 0.6) return literal(BigInt(Math.floor(rng.next() * 9) - 2), type)
  const made = of(type)
  const from = typeOf(made)
  return typeName(from) === typeName(type) || !canCast(from, type) ? made : castExpr(made, type, true)
}

/** A CAST or TRY_CAST to the wanted type from any type that can be cast to it. */
export function randomCast(rng: Rng, wanted: DataType, of: (type: DataType) => Expr): Expr {
  const input = of(
    pick(
      rng,
      ALL_TYPES.filter(type => canCast(type, wanted)),
    ),
  )
  return canCast(typeOf(input), wanted) ? castExpr(input, wanted, rng.next() < 0.5) : literal(null, wanted)
}
