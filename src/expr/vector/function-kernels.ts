/** Functions that have kernels; the others run row by row, or once per dictionary value. */
import type { Column } from '../../arrow/batch.js'
import { constantColumn } from '../../arrow/column.js'
import { knownDateField } from '../date-fields.js'
import type { Expr } from '../expr.js'
import { isConstant, type Operand } from './by-row.js'
import { withFlat } from './columns.js'
import { dateFieldColumn, dateTruncColumn } from './dates.js'
import { asciiCaseColumn, byteLengthColumn, lengthColumn, substringColumn, trimColumn } from './strings.js'
import { isAscii, likeColumn } from './text.js'

/** Operands of one function: no NULL constant is among them, and not all are constants. */
type FunctionKernel = (operands: readonly Operand[]) => Column | undefined

/** A kernel of one column. */
const unary =
  (apply: (flat: Column) => Column | undefined): FunctionKernel =>
  ([input]) =>
    isConstant(input) ? undefined : withFlat(input.column, apply)

/** A kernel of a column and a constant text. */
const withConstantText =
  (apply: (flat: Column, text: string) => Column | undefined): FunctionKernel =>
  ([input, text]) => {
    if (isConstant(input) || !isConstant(text) || typeof text.value !== 'string') return undefined
    const { value } = text
    return withFlat(input.column, flat => apply(flat, value))
  }

/** A kernel of a constant text, a field's or unit's name, and a column. */
const withField =
  (apply: (field: string, flat: Column) => Column | undefined): FunctionKernel =>
  ([field, input]) => {
    if (isConstant(input) || !isConstant(field) || typeof field.value !== 'string') return undefined
    // An unknown field is an error, but only for a row that has a value.
    const name = knownDateField(field.value)
    return name === undefined ? undefined : withFlat(input.column, flat => apply(name, flat))
  }

const partOf = (field: string): FunctionKernel => unary(flat => dateFieldColumn(field, flat))

/** Trimmed of spaces; a set of characters is left to the slow path. */
const trimmed =
  (sides: 1 | 2 | 3): FunctionKernel =>
  operands =>
    operands.length > 1 ? undefined : unary(flat => trimColumn(flat, sides))(operands)

/** A part that occurs at the start, at the end, or anywhere, as LIKE. */
const found = (anchorStart: boolean, anchorEnd: boolean): FunctionKernel =>
  withConstantText((flat, part) =>
    part === '' ? undefined : likeColumn(flat, { texts: [[part]], anchorStart, anchorEnd }, false),
  )

const cased = (to: 'upper' | 'lower'): FunctionKernel =>
  unary(flat => (isAscii(flat) === 1 ? asciiCaseColumn(flat, to) : undefined))

const substring: FunctionKernel = ([text, start, length]) => {
  if (isConstant(text) || !isConstant(start) || (length !== undefined && !isConstant(length))) return undefined
  const count = length?.value as bigint | undefined
  // A negative length is an error, but only for a row that has a text.
  if (count !== undefined && count < 0n) return undefined
  return withFlat(text.column, flat => substringColumn(flat, start.value as bigint, count))
}

/** `left(text, n)` is the start of a substring. */
const leftPart: FunctionKernel = ([text, count]) =>
  isConstant(count) && (count.value as bigint) >= 0n ? substring([text, { value: 1n }, count]) : undefined

/** All of them give NULL for NULL. */
const KERNELS: Readonly<Record<string, FunctionKernel>> = {
  bit_length: unary(flat => byteLengthColumn(flat, 8)),
  contains: found(false, false),
  date_part: withField(dateFieldColumn),
  date_trunc: withField(dateTruncColumn),
  day: partOf('day'),
  dayofweek: partOf('dow'),
  dayofyear: partOf('doy'),
  ends_with: found(false, true),
  hour: partOf('hour'),
  isodow: partOf('isodow'),
  isoyear: partOf('isoyear'),
  left: leftPart,
  length: unary(lengthColumn),
  lower: cased('lower'),
  ltrim: trimmed(1),
  minute: partOf('minute'),
  month: partOf('month'),
  octet_length: unary(flat => byteLengthColumn(flat, 1)),
  quarter: partOf('quarter'),
  rtrim: trimmed(2),
  second: partOf('second'),
  starts_with: found(true, false),
  substr: substring,
  trim: trimmed(3),
  upper: cased('upper'),
  week: partOf('week'),
  year: partOf('year'),
}

/** The kernel of a function over its operands; undefined when it has none for them. */
export function callColumn(
  expr: Extract<Expr, { kind: 'call' }>,
  operands: readonly Operand[],
  rowCount: number,
): Column | undefined {
  const kernel = KERNELS[expr.name]
  if (kernel === undefined) return undefined
  if (operands.some(operand => isConstant(operand) && operand.value === null))
    return constantColumn(expr.type, null, rowCount)
  return kernel(operands)
}
