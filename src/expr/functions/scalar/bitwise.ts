/** Bits of whole numbers: `&`, `|`, `#` (xor), `<<`, `>>`. */
import { INT32, INT64, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { commonType } from '../../types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, type Coerce } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

const isWhole = (type: DataType): boolean => type.kind === 'int' || type.kind === 'null'

/** Whole numbers of one type. */
const wholes =
  (name: string, count: 1 | 2): Coerce =>
  args => {
    const common = args.length > 0 && args.every(isWhole) ? args.reduce(wider) : undefined
    if (args.length !== count || common === undefined)
      return badArguments(name, Array.from({ length: count }, () => 'whole number').join(', '), args)
    return args.map(() => (common.kind === 'int' ? common : INT64))
  }

/** BIGINT UNSIGNED next to a signed type has no common whole type: its bits are taken as BIGINT. */
const wider = (left: DataType, right: DataType): DataType => {
  const type = commonType(left, right)
  return type?.kind === 'int' || type?.kind === 'null' ? type : INT64
}

/** Bits as a value of a type of whole numbers. */
function ofType(bits: bigint, type: DataType): Value {
  if (type.kind !== 'int') return bits
  const value = type.signed ? BigInt.asIntN(type.bits, bits) : BigInt.asUintN(type.bits, bits)
  return type.bits === 64 ? value : Number(value)
}

const bitwise = (
  name: string,
  operator: string,
  what: string,
  compute: (a: bigint, b: bigint) => bigint,
  result: string,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description: `${what}; \`a ${operator} b\`.`,
    examples: [ex(`${name}(6, 3)`, result), ex(`6 ${operator} 3`, result), ex(`${name}(6, NULL)`, 'NULL')],
    coerce: wholes(name, 2),
    returns: ([type]) => type,
    evaluate: ([a, b], [type]) => ofType(compute(BigInt(a as number), BigInt(b as number)), type),
  })

/** Shifts by 0 to one less than the number of bits. */
const shift = (
  name: string,
  operator: string,
  what: string,
  compute: (a: bigint, n: bigint) => bigint,
  result: string,
): ScalarFunction =>
  defineScalar({
    name,
    description: `${what}; \`a ${operator} n\`. n is from 0 to one less than the number of bits.`,
    examples: [ex(`${name}(12, 2)`, result), ex(`12 ${operator} 2`, result), ex(`${name}(NULL, 1)`, 'NULL')],
    coerce: args =>
      args.length === 2 && args.every(isWhole)
        ? [args[0].kind === 'null' ? INT64 : args[0], INT64]
        : badArguments(name, 'whole number, whole number', args),
    returns: ([type]) => type,
    evaluate: ([a, n], [type]) => {
      const bits = BigInt(type.kind === 'int' ? type.bits : 64)
      const places = n as bigint
      if (places < 0n || places >= bits)
        throw fail('INVALID_ARGUMENT', [`a shift by ${places}; ${bits} bits shift by 0 to ${bits - 1n}`])
      return ofType(compute(BigInt(a as number), places), type)
    },
  })

const bitwiseNot = defineScalar({
  name: 'bitwise_not',
  description: 'Every bit turned around.',
  examples: [ex('bitwise_not(5)', '-6'), ex('bitwise_not(NULL)', 'NULL')],
  coerce: wholes('bitwise_not', 1),
  returns: ([type]) => type,
  evaluate: ([a], [type]) => ofType(~BigInt(a as number), type),
})

const bitCount = defineScalar({
  name: 'bit_count',
  description: 'How many bits are set.',
  examples: [ex('bit_count(7)', '3'), ex('bit_count(CAST(-1 AS SMALLINT))', '16'), ex('bit_count(NULL)', 'NULL')],
  coerce: wholes('bit_count', 1),
  returns: () => INT32,
  evaluate: ([a], [type]) => {
    let bits = BigInt.asUintN(type.kind === 'int' ? type.bits : 64, BigInt(a as number))
    let count = 0
    for (; bits > 0n; bits &= bits - 1n) count++
    return count
  },
})

export const BITWISE: readonly ScalarFunction[] = [
  bitCount,
  bitwise('bitwise_and', '&', 'The bits that are set in both', (a, b) => a & b, '2'),
  bitwiseNot,
  bitwise('bitwise_or', '|', 'The bits that are set in either', (a, b) => a | b, '7'),
  shift('bitwise_shift_left', '<<', 'The bits moved to the left', (a, n) => a << n, '48'),
  shift('bitwise_shift_right', '>>', 'The bits moved to the right', (a, n) => a >> n, '3'),
  bitwise('bitwise_xor', '#', 'The bits that are set in one of both', (a, b) => a ^ b, '5', ['xor']),
]
