/** Mathematical functions. Integers and decimals stay exact; functions of analysis compute in DOUBLE. */
import { BOOLEAN, FLOAT64, INT32, INT64, decimal, typeName, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import { floorDiv } from '../../calendar.js'
import { roundHalfAway } from '../../cast-value.js'
import { MAX_PRECISION, checkPrecision, divideRounded, pow10 } from '../../decimal-value.js'
import { integerBounds } from '../../types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed, numericFirst } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** A function of one DOUBLE. */
const analytic = (
  name: string,
  description: string,
  compute: (x: number) => number,
  example: FunctionExample,
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [FLOAT64]),
    returns: () => FLOAT64,
    evaluate: ([x]) => compute(x as number),
  })

/** How a function drops digits: of a float at 0 digits, and of an exact number by a power of ten. */
interface Rounding {
  float(value: number): number
  divide(value: bigint, divisor: bigint): bigint
}

const ROUND: Rounding = { float: roundHalfAway, divide: divideRounded }
const TRUNCATE: Rounding = { float: Math.trunc, divide: (value, divisor) => value / divisor }
const FLOOR: Rounding = { float: Math.floor, divide: floorDiv }
const CEIL: Rounding = { float: Math.ceil, divide: (value, divisor) => -floorDiv(-value, divisor) }

/**
 * Scale of the result: the constant number of digits, within the scale of the argument; all of it when not constant.
 */
function keptScale(scale: number, digits: Value | undefined): number {
  if (digits === undefined || digits === null) return scale
  return Math.max(0, Math.min(scale, Number(digits)))
}

function roundedType(args: readonly DataType[], constants: readonly (Value | undefined)[] = []): DataType {
  const [type] = args
  if (type.kind !== 'decimal') return type
  const scale = args.length === 1 ? 0 : keptScale(type.scale, constants[1])
  return decimal(Math.min(MAX_PRECISION, type.precision - type.scale + scale + 1), scale)
}

/** Applies a rounding to `digits` places after the point (before it when negative). */
function applyRounding(rounding: Rounding, value: Value, type: DataType, digits: number, returns: DataType): Value {
  if (type.kind === 'float') return roundFloat(rounding, value as number, digits)
  const scale = type.kind === 'decimal' ? type.scale : 0
  const unscaled = BigInt(value as number | bigint)
  const dropped = scale - digits
  const exact = dropped <= 0 ? unscaled : dropped > 80 ? 0n : rounding.divide(unscaled, pow10(dropped)) * pow10(dropped)
  if (returns.kind === 'decimal') return checkPrecision(exact / pow10(scale - returns.scale), returns)
  return checkedInteger(exact, returns)
}

function roundFloat(rounding: Rounding, value: number, digits: number): number {
  if (!Number.isFinite(value) || digits > 308) return value
  const factor = 10 ** Math.abs(digits)
  const result = digits >= 0 ? rounding.float(value * factor) / factor : rounding.float(value / factor) * factor
  return Number.isFinite(result) ? result : value
}

function checkedInteger(value: bigint, type: DataType): Value {
  if (type.kind !== 'int') throw fail('INTERNAL', [`expected an integer type, got ${typeName(type)}`])
  const { min, max } = integerBounds(type)
  if (value < min || value > max) throw fail('NUMERIC_OVERFLOW', [typeName(type)])
  return type.bits === 64 ? value : Number(value)
}

const rounding = (
  name: string,
  description: string,
  how: Rounding,
  withDigits: boolean,
  examples: readonly FunctionExample[],
  aliases: readonly string[] = [],
): ScalarFunction =>
  defineScalar({
    name,
    aliases,
    description,
    examples: [...examples, ex(`${name}(NULL)`, 'NULL')],
    coerce: numericFirst(name, FLOAT64, withDigits ? [INT64] : []),
    returns: roundedType,
    evaluate: ([value, digits], [type], returns) => applyRounding(how, value, type, Number(digits ?? 0n), returns),
  })

const abs = defineScalar({
  name: 'abs',
  description: 'Absolute value.',
  examples: [ex('abs(-5)', '5'), ex('abs(-1.25)', '1.25'), ex('abs(NULL)', 'NULL')],
  coerce: numericFirst('abs', INT64),
  returns: ([type]) => type,
  evaluate: ([value], [type]) => {
    if (type.kind === 'float') return Math.abs(value as number)
    const exact = BigInt(value as number | bigint)
    const magnitude = exact < 0n ? -exact : exact
    return type.kind === 'int' ? checkedInteger(magnitude, type) : magnitude
  },
})

const signum = defineScalar({
  name: 'signum',
  aliases: ['sign'],
  description: 'Sign of the argument: -1, 0 or 1.',
  examples: [ex('signum(-2.5)', '-1'), ex('signum(0)', '0'), ex('signum(NULL)', 'NULL')],
  coerce: numericFirst('signum', INT64),
  returns: () => INT32,
  evaluate: ([value]) => ((value as number) > 0 ? 1 : (value as number) < 0 ? -1 : 0),
})

const power = defineScalar({
  name: 'power',
  aliases: ['pow'],
  description: 'The first argument raised to the second, in DOUBLE.',
  examples: [ex('power(2, 10)', '1024.0'), ex('power(2, NULL)', 'NULL')],
  coerce: fixed('power', [FLOAT64, FLOAT64]),
  returns: () => FLOAT64,
  evaluate: ([x, y]) => (x as number) ** (y as number),
})

const log = defineScalar({
  name: 'log',
  description: 'Logarithm to base 10 of the only argument, or of the second to the base of the first.',
  examples: [ex('log(100)', '2.0'), ex('log(2, 8)', '3.0'), ex('log(NULL)', 'NULL')],
  coerce: fixed('log', [FLOAT64], [FLOAT64]),
  returns: () => FLOAT64,
  evaluate: ([x, y]) => {
    if (y === undefined) return Math.log10(x as number)
    return x === 2
      ? Math.log2(y as number)
      : x === 10
        ? Math.log10(y as number)
        : Math.log(y as number) / Math.log(x as number)
  },
})

const atan2 = defineScalar({
  name: 'atan2',
  description: 'Angle in radians of the point (second, first).',
  examples: [ex('atan2(0, 1)', '0.0'), ex('atan2(NULL, 1)', 'NULL')],
  coerce: fixed('atan2', [FLOAT64, FLOAT64]),
  returns: () => FLOAT64,
  evaluate: ([y, x]) => Math.atan2(y as number, x as number),
})

const pi = defineScalar({
  name: 'pi',
  description: 'The number π.',
  examples: [ex('pi()', '3.141592653589793'), ex('nullif(pi(), pi())', 'NULL')],
  coerce: fixed('pi', []),
  returns: () => FLOAT64,
  evaluate: () => Math.PI,
})

const random = defineScalar({
  name: 'random',
  aliases: ['rand'],
  description: 'A random DOUBLE in [0, 1), another for every row.',
  examples: [ex('random() < 1', 'true'), ex('random() + NULL', 'NULL')],
  volatility: 'volatile',
  coerce: fixed('random', []),
  returns: () => FLOAT64,
  evaluate: () => Math.random(),
})

const gcdOf = (a: bigint, b: bigint): bigint => {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

const gcd = defineScalar({
  name: 'gcd',
  description: 'Greatest common divisor.',
  examples: [ex('gcd(12, 18)', '6'), ex('gcd(NULL, 2)', 'NULL')],
  coerce: fixed('gcd', [INT64, INT64]),
  returns: () => INT64,
  evaluate: ([a, b]) => checkedInteger(gcdOf(a as bigint, b as bigint), INT64),
})

const lcm = defineScalar({
  name: 'lcm',
  description: 'Least common multiple.',
  examples: [ex('lcm(4, 6)', '12'), ex('lcm(4, NULL)', 'NULL')],
  coerce: fixed('lcm', [INT64, INT64]),
  returns: () => INT64,
  evaluate: ([a, b]) => {
    const divisor = gcdOf(a as bigint, b as bigint)
    const product = divisor === 0n ? 0n : ((a as bigint) / divisor) * (b as bigint)
    return checkedInteger(product < 0n ? -product : product, INT64)
  },
})

const factorial = defineScalar({
  name: 'factorial',
  description: 'Product of 1 to the argument, which must lie between 0 and 20.',
  examples: [ex('factorial(5)', '120'), ex('factorial(NULL)', 'NULL')],
  coerce: fixed('factorial', [INT64]),
  returns: () => INT64,
  evaluate: ([n]) => {
    if ((n as bigint) < 0n || (n as bigint) > 20n) throw fail('NUMERIC_OVERFLOW', ['BIGINT'])
    let product = 1n
    for (let factor = 2n; factor <= (n as bigint); factor++) product *= factor
    return product
  },
})

const isnan = defineScalar({
  name: 'isnan',
  description: 'Whether the argument is NaN.',
  examples: [ex("isnan('NaN'::double)", 'true'), ex('isnan(1)', 'false'), ex('isnan(NULL)', 'NULL')],
  coerce: fixed('isnan', [FLOAT64]),
  returns: () => BOOLEAN,
  evaluate: ([x]) => Number.isNaN(x),
})

const degrees = (radians: number): number => (radians * 180) / Math.PI
const radians = (angle: number): number => (angle * Math.PI) / 180

export const MATH: readonly ScalarFunction[] = [
  abs,
  analytic('acos', 'Inverse cosine in radians.', Math.acos, ex('acos(1)', '0.0')),
  analytic('asin', 'Inverse sine in radians.', Math.asin, ex('asin(0)', '0.0')),
  analytic('atan', 'Inverse tangent in radians.', Math.atan, ex('atan(0)', '0.0')),
  atan2,
  analytic('cbrt', 'Cube root.', Math.cbrt, ex('cbrt(27)', '3.0')),
  rounding(
    'ceil',
    'Nearest whole number not below.',
    CEIL,
    false,
    [ex('ceil(1.2)', '2'), ex('ceil(-1.5e0)', '-1.0')],
    ['ceiling'],
  ),
  analytic('cos', 'Cosine of an angle in radians.', Math.cos, ex('cos(0)', '1.0')),
  analytic('degrees', 'Radians as degrees.', degrees, ex('degrees(pi())', '180.0')),
  analytic('exp', 'e to the power of the argument.', Math.exp, ex('exp(0)', '1.0')),
  factorial,
  rounding('floor', 'Nearest whole number not above.', FLOOR, false, [
    ex('floor(1.7)', '1'),
    ex('floor(-1.5e0)', '-2.0'),
  ]),
  gcd,
  isnan,
  lcm,
  analytic('ln', 'Natural logarithm; NaN below 0.', Math.log, ex('ln(1)', '0.0')),
  log,
  analytic('log10', 'Logarithm to base 10.', Math.log10, ex('log10(1000)', '3.0')),
  analytic('log2', 'Logarithm to base 2.', Math.log2, ex('log2(8)', '3.0')),
  pi,
  power,
  analytic('radians', 'Degrees as radians.', radians, ex('radians(0)', '0.0')),
  random,
  rounding(
    'round',
    'Rounds half away from zero to a number of digits after the point (default 0, negative: before it).',
    ROUND,
    true,
    [
      ex('round(2.5)', '3'),
      ex('round(2.345, 2)', '2.35'),
      ex('round(125.2345e0, -2)', '100.0'),
      ex('round(1250, -2)', '1300'),
    ],
  ),
  signum,
  analytic('sin', 'Sine of an angle in radians.', Math.sin, ex('sin(0)', '0.0')),
  analytic('sqrt', 'Square root; NaN below 0.', Math.sqrt, ex('sqrt(16)', '4.0')),
  analytic('tan', 'Tangent of an angle in radians.', Math.tan, ex('tan(0)', '0.0')),
  rounding('trunc', 'Cuts off digits after the given number of places (default 0).', TRUNCATE, true, [
    ex('trunc(-2.7)', '-2'),
    ex('trunc(2.789, 1)', '2.7'),
  ]),
]
