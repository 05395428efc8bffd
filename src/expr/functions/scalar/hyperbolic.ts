/** Hyperbolic functions, the cotangent, and tests of DOUBLE values. */
import { BOOLEAN, FLOAT64 } from '../../../arrow/types.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { defineScalar, fixed } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** A function of one DOUBLE that gives a DOUBLE. */
const analytic = (
  name: string,
  description: string,
  compute: (x: number) => number,
  example: FunctionExample,
): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [FLOAT64]),
    returns: () => FLOAT64,
    evaluate: ([x]) => compute(x as number),
  })

/** A test of one DOUBLE. */
const tested = (
  name: string,
  description: string,
  test: (x: number) => boolean,
  example: FunctionExample,
): ScalarFunction =>
  defineScalar({
    name,
    description,
    examples: [example, ex(`${name}(NULL)`, 'NULL')],
    coerce: fixed(name, [FLOAT64]),
    returns: () => BOOLEAN,
    evaluate: ([x]) => test(x as number),
  })

const nanvl = defineScalar({
  name: 'nanvl',
  description: 'The first argument, or the second where the first is NaN.',
  examples: [ex("nanvl('NaN'::double, 1)", '1.0'), ex('nanvl(2, 1)', '2.0'), ex('nanvl(NULL, 1)', 'NULL')],
  coerce: fixed('nanvl', [FLOAT64, FLOAT64]),
  returns: () => FLOAT64,
  evaluate: ([x, y]) => (Number.isNaN(x) ? y : x),
})

export const HYPERBOLIC: readonly ScalarFunction[] = [
  analytic('acosh', 'Inverse hyperbolic cosine; NaN below 1.', Math.acosh, ex('acosh(1)', '0.0')),
  analytic('asinh', 'Inverse hyperbolic sine.', Math.asinh, ex('asinh(0)', '0.0')),
  analytic('atanh', 'Inverse hyperbolic tangent.', Math.atanh, ex('atanh(0)', '0.0')),
  analytic('cosh', 'Hyperbolic cosine.', Math.cosh, ex('cosh(0)', '1.0')),
  analytic('cot', 'Cotangent of an angle in radians.', x => 1 / Math.tan(x), ex('round(cot(1), 6)', '0.642093')),
  tested('isfinite', 'Whether the argument is neither infinite nor NaN.', Number.isFinite, ex('isfinite(1)', 'true')),
  tested(
    'isinf',
    'Whether the argument is infinite.',
    x => x === Infinity || x === -Infinity,
    ex("isinf('-inf'::double)", 'true'),
  ),
  tested('iszero', 'Whether the argument is 0 or -0.', x => x === 0, ex('iszero(0)', 'true')),
  nanvl,
  analytic('sinh', 'Hyperbolic sine.', Math.sinh, ex('sinh(0)', '0.0')),
  analytic('tanh', 'Hyperbolic tangent.', Math.tanh, ex('tanh(0)', '0.0')),
]
